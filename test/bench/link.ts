import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A network between this machine and a client on it, as fast as a real one. */
export interface Link {
  /** Gbit/s, in each direction */
  rate: number
  /** this machine's, for the client */
  address: string
  /** a command line that runs `command` at the other end */
  client(...command: string[]): [string, ...string[]]
  stop(): Promise<void>
}

/** Lays a link of `rate` Gbit/s to a network namespace, which takes root; rejects where that can't be done. */
export async function startLink(rate: number): Promise<Link> {
  const name = `bench${process.pid}`
  const [here, there] = [`${name}h`, `${name}t`]
  // RFC 2544: addresses for measurements
  const address = '198.18.0.1'
  const client = (...command: string[]): [string, ...string[]] => ['ip', 'netns', 'exec', name, ...command]
  const root = (line: string) => run('ip', line.split(' '))
  const inside = (line: string) => {
    const [program, ...args] = client(...line.split(' '))
    return run(program, args)
  }
  // what is in flight may be some ms behind
  const limit = (device: string) =>
    `tc qdisc add dev ${device} root tbf rate ${rate}gbit burst 256kb latency 20ms`
  const stop = async () => {
    await root(`netns del ${name}`)
  }

  await root(`netns add ${name}`)
  try {
    await root(`link add ${here} type veth peer name ${there} netns ${name}`)
    await root(`addr add ${address}/30 dev ${here}`)
    await root(`link set ${here} up`)
    await inside(`ip addr add 198.18.0.2/30 dev ${there}`)
    await inside(`ip link set ${there} up`)
    const [program, ...args] = limit(here).split(' ') as [string, ...string[]]
    await run(program, args)
    await inside(limit(there))
  } catch (error) {
    await stop()
    throw error
  }
  return { rate, address, client, stop }
}
