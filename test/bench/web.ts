import { type Running, start } from '../../deploy/local/processes.ts'
import { type Haproxy, startHaproxy } from '../support/haproxy.ts'
import { freePort } from '../support/ports.ts'

/** An HAProxy that asks agents about each request, and answers it by itself. */
export interface Web {
  haproxy: Haproxy
  /** what wrk is to be told: where requests are asked about in this way */
  url(way: string, size: number): string
  stop(): Promise<void>
}

/**
 * HAProxy with one thread. Each way is a list of the agents that requests are balanced over, none of them for requests that
 * nobody is asked about; `sizes` are the bytes of the body that an agent gets.
 */
export async function startWeb(
  ways: Readonly<Record<string, readonly number[]>>,
  sizes: readonly number[],
): Promise<Web> {
  const ports = new Map<string, number>()
  const config: string[] = []
  const engines: string[] = []
  for (const [index, [way, agents]] of Object.entries(ways).entries()) {
    for (const size of sizes) {
      const port = await freePort()
      ports.set(`${way} ${size}`, port)
      const name = `e${index}_${size}`
      config.push(frontend(name, port, agents.length > 0))
      engines.push(engine(name, `agents-${index}`, `path=path body=var(proc.body${size}),bytes(0)`))
    }
    config.push(backend(`agents-${index}`, agents))
  }
  const haproxy = await startHaproxy({
    config: `${global(sizes)}${config.join('')}`,
    files: { 'spoe.conf': engines.join('') },
  })
  return {
    haproxy,
    url: (way, size) => `http://127.0.0.1:${ports.get(`${way} ${size}`)}/studies/2.25.1/series`,
    stop: () => haproxy.stop(),
  }
}

/** A line of the configuration has its limits: bodies are put together of a piece that is half a kilobyte. */
function global(sizes: readonly number[]): string {
  const piece = 512
  const bodies = sizes.map(size => {
    const rest = 'x'.repeat(size % piece)
    const pieces = '%[var(proc.piece)]'.repeat(size / piece)
    return `    set-var-fmt proc.body${size} "${pieces}${rest}"\n`
  })
  return `
global
    nbthread 1
    log stdout format raw local0 notice
    tune.bufsize 65536
    set-var proc.piece str(${'x'.repeat(piece)})
${bodies.join('')}
defaults
    mode http
    log global
    timeout connect 1s
    timeout client 1m
    timeout server 1m
`
}

/** A request is answered with 200 only if an agent has set what it should. */
function frontend(name: string, port: number, asks: boolean): string {
  const asking = `
    filter spoe engine ${name} config {dir}/spoe.conf
    http-request send-spoe-group ${name} ${name}
    http-request deny status 500 unless { var(txn.${name}.size) -m found }`
  return `
frontend ${name}
    bind 127.0.0.1:${port}${asks ? asking : ''}
    http-request return status 200
`
}

/** What asks an agent of the benches about something of which it gets these arguments, besides who it is. */
export function engine(name: string, backend: string, args: string): string {
  return `
[${name}]
spoe-agent ${name}
    groups ${name}
    option var-prefix ${name}
    option continue-on-error
    option pipelining
    no option async
    no option send-frag-payload
    timeout hello 2s
    timeout idle 2m
    timeout processing 5s
    use-backend ${backend}
spoe-message check
    args id=str(5a8b0f4e-7c1d-4e0b-9a53-0d6f1c2b3a49) src=src ${args}
spoe-group ${name}
    messages check
`
}

export const backend = (name: string, ports: readonly number[]) => `
backend ${name}
    mode tcp
    balance roundrobin
${ports.map(port => `    server agent${port} 127.0.0.1:${port}\n`).join('')}`

export interface WrkResult {
  perSecond: number
  requests: number
  /** milliseconds that 50 % and 99 % of the requests take less than */
  latency: [number, number]
}

/** Asks for a URL over so many connections for so many seconds; throws where an answer is no 200. */
export async function wrk(url: string, connections: number, seconds: number): Promise<WrkResult> {
  const options = ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency']
  const running: Running = await start({ name: 'wrk', command: ['wrk', ...options, url] })
  const code = await running.ended
  const output = running.output()
  const [, perSecond] = output.match(/^Requests\/sec: +([\d.]+)/m) ?? []
  const [, requests] = output.match(/^ +(\d+) requests in/m) ?? []
  if (code !== 0 || !perSecond || /Non-2xx|Socket errors/.test(output)) throw new Error(`wrk:\n${output}`)
  return {
    perSecond: Number(perSecond),
    requests: Number(requests),
    latency: [percentile(output, 50), percentile(output, 99)],
  }
}

const milliseconds: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 }

function percentile(output: string, percent: number): number {
  const [, number, unit = ''] = output.match(new RegExp(`^ +${percent}% +([\\d.]+)(us|ms|s)$`, 'm')) ?? []
  return Number(number) * (milliseconds[unit] ?? Number.NaN)
}
