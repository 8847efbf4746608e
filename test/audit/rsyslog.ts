import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { start } from '../../deploy/local/processes.ts'
import type { Certificates } from '../support/certificates.ts'
import { waitUntil } from '../support/haproxy.ts'

/** A syslog message as rsyslog has read it. */
export interface Received {
  pri: string
  host: string
  app: string
  pid: string
  msgId: string
  data: string
  xml: string
}

export interface Rsyslog {
  tlsPort: number
  /** resolves with the messages so far, as soon as there are this many */
  received(count: number): Promise<Received[]>
  stop(): Promise<void>
}

/** Fields of a line of its file; none of them has a space but the last. */
const line = '%pri% %hostname% %app-name% %procid% %msgid% %structured-data% %msg%\\n'

/**
 * A real syslog server, on a free port for TLS, which only clients with a certificate may use, and on `udpPort` if there is
 * one. It has the certificate `server`, and `ca` has signed those of its clients.
 */
export async function startRsyslog(certificates: Certificates, udpPort?: number): Promise<Rsyslog> {
  const folder = await mkdtemp(join(tmpdir(), 'rsyslog-'))
  const at = (name: string) => join(folder, name)
  const udp = `
    module(load="imudp")
    input(type="imudp" address="127.0.0.1" port="${udpPort}")`
  const config = `
    global(
      workDirectory="${folder}"
      defaultNetstreamDriverCAFile="${certificates.at('ca.crt')}"
      defaultNetstreamDriverCertFile="${certificates.at('server.crt')}"
      defaultNetstreamDriverKeyFile="${certificates.at('server.key')}"
    )
    module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="x509/certvalid")
    input(type="imtcp" address="127.0.0.1" port="0" listenPortFileName="${at('port')}")
    ${udpPort === undefined ? '' : udp}
    template(name="line" type="string" string="${line}")
    action(type="omfile" file="${at('received')}" template="line")
    `
  await writeFile(at('rsyslog.conf'), config)
  const server = await start({
    name: 'rsyslogd',
    command: ['rsyslogd', '-n', '-f', at('rsyslog.conf'), '-i', at('pid')],
    env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  })
  const port = await waitUntil(async () => {
    const tlsPort = Number(await readFile(at('port'), 'utf8'))
    return udpPort === undefined || (await isBound(udpPort)) ? tlsPort : 0
  }).catch(async error => {
    await server.stop()
    throw new Error(`rsyslogd did not start:\n${server.output()}`, { cause: error })
  })
  const read = async () => {
    const lines = (await readFile(at('received'), 'utf8')).split('\n')
    return lines.slice(0, -1).map(parsed) // what follows the last line feed is not whole yet
  }
  return {
    tlsPort: port,
    received: count =>
      waitUntil(async () => {
        const messages = await read()
        return messages.length >= count ? messages : undefined
      }),
    async stop() {
      await server.stop()
      await rm(folder, { recursive: true })
    },
  }
}

/** Whether somebody has this UDP port of 127.0.0.1. What is sent before is lost. */
async function isBound(port: number): Promise<boolean> {
  const address = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return (await readFile('/proc/net/udp', 'utf8')).includes(` ${address} `)
}

function parsed(text: string): Received {
  const [pri = '', host = '', app = '', pid = '', msgId = '', data = '', ...rest] = text.split(' ')
  return { pri, host, app, pid, msgId, data, xml: rest.join(' ').replace(/^\ufeff/, '') }
}
