import { data, message, notify } from '../haproxy-spoe/spop-peer.ts'

/** The message that the agents of the benches know, in a NOTIFY of about so many bytes. */
export function checkNotify(size: number): Buffer {
  const bodied = (length: number) =>
    notify(
      100_000,
      1,
      message('check', {
        id: data.string('5a8b0f4e-7c1d-4e0b-9a53-0d6f1c2b3a49'),
        src: data.ipv4([192, 0, 2, 7]),
        path: data.string('/studies/2.25.1/series'),
        body: data.binary(Buffer.alloc(length, 7)),
      }),
    )
  return bodied(Math.max(0, size - bodied(0).length))
}
