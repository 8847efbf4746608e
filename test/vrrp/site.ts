import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Running, start } from '../../deploy/local/processes.ts'
import { HAPROXY_BIN, hasFailed } from '../support/haproxy.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const page = readFileSync(join(root, 'docs/scaling.md'), 'utf8')

/** What docs/scaling.md gives keepalived, and the address that is to move. */
const [, example = ''] = page.match(/```\n(global_defs.*?)```/s) ?? []
const [, address = ''] = example.match(/virtual_ipaddress \{ ([\d.]+)\/24 \}/) ?? []
const neighbour = (host: number) => address.replace(/\d+$/, String(host))

/** HAProxy, an agent and keepalived, in a network namespace, so that all ports are its own. */
export interface Machine {
  startHaproxy(): Promise<Running>
  keepalived: Running
  hasAddress(): boolean
}

/** Two machines on a network with a client and a PACS. */
export interface Site {
  machines: [Machine, Machine]
  /** an instance to the address that moves; resolves with the exit code of dcmsend */
  send(): Promise<number | string>
  /** ends all of it after the test, and prints what the programs have written if that failed */
  stopAfter(t: TestContext): void
}

export async function startSite(): Promise<Site> {
  const folder = mkdtempSync(join(tmpdir(), 'vrrp-'))
  const prefix = `vrrp-${process.pid}`
  const lan = `${prefix}-lan`
  const namespaces: string[] = []
  const running: Running[] = []

  const ip = (...args: string[]) => execFileSync('ip', args, { encoding: 'utf8' })
  const run = async (namespace: string, command: string[], env: NodeJS.ProcessEnv = {}) => {
    const inside = ['ip', 'netns', 'exec', namespace, ...command] as [string, ...string[]]
    const started = await start({ name: command[0] ?? '', command: inside, env })
    running.push(started)
    return started
  }
  const addNamespace = (name: string) => {
    ip('netns', 'add', name)
    namespaces.push(name)
    ip('-n', name, 'link', 'set', 'lo', 'up')
  }

  async function startMachine(number: number): Promise<Machine> {
    const name = `${prefix}-${number}`
    addNamespace(name)
    ip('-n', lan, 'link', 'add', `port${number}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
    ip('-n', lan, 'link', 'set', `port${number}`, 'master', 'bridge', 'up')
    ip('-n', name, 'address', 'add', `${neighbour(number)}/24`, 'dev', 'eth0')
    ip('-n', name, 'link', 'set', 'eth0', 'up')
    const agent = await run(name, [process.execPath, join(root, 'agent/main.ts')], {
      SPOP_LISTEN: '127.0.0.1:9001',
      ADMIN_LISTEN: '127.0.0.1:9101',
      RULES: join(folder, 'rules'),
    })
    await agent.wrote(/"listening"/)
    const file = join(folder, `keepalived-${number}.conf`)
    writeFileSync(file, number === 1 ? example : example.replace('priority 100', 'priority 90'))
    const pids = ['pid', 'vrrp_pid'].map(which => `--${which}=${file}.${which}`)
    return {
      startHaproxy: () => {
        const files = ['-C', join(root, 'haproxy'), '-f', 'haproxy.cfg', '-f', join(folder, 'pacs.cfg')]
        return run(name, [HAPROXY_BIN, '-db', ...files])
      },
      keepalived: await run(name, [
        'keepalived',
        '--dont-fork',
        '--log-console',
        '--vrrp',
        '-f',
        file,
        ...pids,
      ]),
      hasAddress: () => ip('-n', name, '-4', 'address').includes(`${address}/`),
    }
  }

  async function stop(): Promise<void> {
    await Promise.all(running.map(program => program.stop()))
    for (const namespace of namespaces) ip('netns', 'delete', namespace)
    rmSync(folder, { recursive: true })
  }

  try {
    for (const name of ['rules', 'images']) mkdirSync(join(folder, name))
    writeFileSync(
      join(folder, 'rules/rules.yaml'),
      'rules: [{ name: CT, when: { Modality: CT }, route: pacs }]\n',
    )
    writeFileSync(
      join(folder, 'pacs.cfg'),
      `backend pacs from pacs\n    server PACS ${neighbour(254)}:11112 inter 500ms\n`,
    )
    addNamespace(lan)
    // VRRP is multicast
    ip('-n', lan, 'link', 'add', 'bridge', 'type', 'bridge', 'mcast_snooping', '0')
    ip('-n', lan, 'address', 'add', `${neighbour(254)}/24`, 'dev', 'bridge')
    ip('-n', lan, 'link', 'set', 'bridge', 'up')
    await run(lan, ['storescp', '--output-directory', join(folder, 'images'), '11112'])
    return {
      machines: [await startMachine(1), await startMachine(2)],
      async send() {
        const image = join(root, 'dicom-samples/ct-head-1.dcm')
        return (await run(lan, ['dcmsend', address, '11112', image])).ended
      },
      stopAfter(t) {
        t.after(async () => {
          if (hasFailed(t))
            for (const { name, output } of running) process.stderr.write(`\n--- ${name}\n${output()}\n`)
          await stop()
        })
      },
    }
  } catch (error) {
    await stop()
    throw error
  }
}
