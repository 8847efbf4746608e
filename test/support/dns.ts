import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { start } from '../../deploy/local/processes.ts'
import { freePort } from './ports.ts'

/** A DNS server that knows one name, for HAProxy's `resolvers default`. */
export interface Dns {
  /** changes the shipped configuration, so that HAProxy asks this server */
  edit(haproxyCfg: string): string
  /** from now on, the name stands for these addresses */
  set(addresses: readonly string[]): void
  stop(): Promise<void>
}

export async function startDns(name: string, addresses: readonly string[]): Promise<Dns> {
  const folder = mkdtempSync(join(tmpdir(), 'dns-'))
  const hosts = join(folder, 'hosts')
  const write = (now: readonly string[]) =>
    writeFileSync(hosts, now.map(address => `${address} ${name}\n`).join(''))
  write(addresses)

  const port = await freePort()
  const server = ['--keep-in-foreground', '--bind-interfaces', '--listen-address=127.0.0.1', `--port=${port}`]
  const options = ['--no-resolv', '--no-hosts', `--addn-hosts=${hosts}`, `--user=${userInfo().username}`]
  const env = { PATH: `${process.env.PATH}:/usr/sbin` }
  const dns = await start({ name: 'dnsmasq', command: ['dnsmasq', ...server, ...options], env })
  return {
    edit: cfg => `${cfg}\nresolvers default\n    nameserver test 127.0.0.1:${port}\n`,
    set(now) {
      write(now)
      process.kill(dns.pid, 'SIGHUP')
    },
    async stop() {
      await dns.stop()
      rmSync(folder, { recursive: true })
    },
  }
}
