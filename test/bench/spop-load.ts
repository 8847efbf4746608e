// HAProxy's side of SPOP, as fast as it gets, as a process of its own: reads a SpopLoad as one line of JSON, and answers with
// a SpopResult as one line.
//   echo '{"port":9001,"connections":1,"window":32,"frames":100000,"size":300}' | node test/bench/spop-load.ts
import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { data, HELLO_ITEMS, hello } from '../haproxy-spoe/spop-peer.ts'
import { checkNotify } from './check-notify.ts'
import { quantiles } from './rounds.ts'

export interface SpopLoad {
  port: number
  connections: number
  /** NOTIFYs in flight on each connection */
  window: number
  /** NOTIFYs on each connection */
  frames: number
  /** bytes of a NOTIFY */
  size: number
}

export interface SpopResult {
  /** milliseconds from the first NOTIFY to the last ACK */
  elapsed: number
  /** milliseconds of CPU in that time */
  cpu: number
  /** milliseconds from a NOTIFY to its ACK, of which 50 %, 99 % and 99.9 % take less */
  latency: number[]
}

const ACK = 103
const lengthBytes = 4

async function connected(port: number) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  socket.write(hello({ ...HELLO_ITEMS, 'max-frame-size': data.uint32(65532) }))
  await once(socket, 'data')
  return socket
}

/** Keeps `window` NOTIFYs in flight, writes as many as a read has brought ACKs, and notes what each has taken. */
async function drive(port: number, frame: Buffer, window: number, frames: number, latencies: number[]) {
  const socket = await connected(port)
  const batch = Buffer.concat(Array.from({ length: window }, () => frame))
  const sentAt: number[] = []
  let sent = 0
  let answered = 0
  function send(count: number): void {
    const now = Math.min(count, frames - sent)
    if (now === 0) return
    sentAt.push(...Array.from({ length: now }, () => performance.now()))
    sent += now
    socket.write(batch.subarray(0, now * frame.length))
  }
  const done = Promise.withResolvers<void>()
  let kept: Buffer = Buffer.alloc(0)
  socket.on('data', chunk => {
    const bytes = kept.length > 0 ? Buffer.concat([kept, chunk as Buffer]) : (chunk as Buffer)
    const before = answered
    let at = 0
    while (bytes.length - at > lengthBytes) {
      const end = at + lengthBytes + bytes.readUInt32BE(at)
      if (end > bytes.length) break
      if (bytes[at + lengthBytes] !== ACK)
        done.reject(new Error(`a frame of type ${bytes[at + lengthBytes]}`))
      answered++
      at = end
    }
    kept = bytes.subarray(at)
    const now = performance.now()
    for (let index = before; index < answered; index++) latencies.push(now - (sentAt[index] ?? 0))
    if (answered === frames) done.resolve()
    else send(answered - before)
  })
  socket.on('close', () => done.reject(new Error('the agent has closed the connection')))
  send(window)
  await done.promise
  socket.destroy()
}

async function run({ port, connections, window, frames, size }: SpopLoad): Promise<SpopResult> {
  const frame = checkNotify(size)
  const latencies: number[] = []
  const start = performance.now()
  const before = process.cpuUsage()
  const each = () => drive(port, frame, window, frames, latencies)
  await Promise.all(Array.from({ length: connections }, each))
  const { user, system } = process.cpuUsage(before)
  return {
    elapsed: performance.now() - start,
    cpu: (user + system) / 1000,
    latency: [0.5, 0.99, 0.999].map(quantiles(latencies)),
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await run(JSON.parse(line))))
}
