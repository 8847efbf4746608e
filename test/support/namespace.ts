import { execFileSync, spawnSync } from 'node:child_process'

/** A network of its own, where a firewall can lose packets of this process and of those it starts. */
const inNamespace = ['--map-root-user', '--net']
const here = 'IN_A_NETWORK_NAMESPACE'

/** Why there can be none here; undefined where there can. */
export function whyNoNamespace(): string | undefined {
  const { status, stderr, error } = spawnSync('unshare', [...inNamespace, 'nft', 'list', 'ruleset'], {
    encoding: 'utf8',
    env: withSbin(),
  })
  return status === 0 ? undefined : (error?.message ?? stderr.trim())
}

export function isInNamespace(): boolean {
  return process.env[here] !== undefined
}

/** Runs a test file in one, and returns what it has written, and whether it passed. */
export function runInNamespace(file: string): { passed: boolean; output: string } {
  const command = 'ip link set lo up && exec "$0" --test --test-timeout=120000 "$1"'
  const { status, stdout, stderr } = spawnSync(
    'unshare',
    [...inNamespace, 'sh', '-c', command, process.execPath, file],
    { encoding: 'utf8', env: { ...withSbin(), [here]: 'yes', NODE_TEST_CONTEXT: undefined } },
  )
  return { passed: status === 0, output: stdout + stderr }
}

/** Loses packets from and to these TCP ports: so many of a hundred. */
export function losePackets(ports: readonly number[], percent: number): void {
  const rules = ['dport', 'sport'].map(
    end => `tcp ${end} { ${ports.join(', ')} } numgen random mod 100 <= ${percent - 1} counter drop`,
  )
  const hook = 'type filter hook input priority 0; policy accept;'
  nft(`table ip lossy {\nchain input {\n${hook}\n${rules.join('\n')}\n}\n}\n`)
}

/** Loses no more; the result is how many it has lost. */
export function keepPackets(): number {
  const lost = nft('list table ip lossy').matchAll(/counter packets (\d+)/g)
  nft('delete table ip lossy')
  return [...lost].reduce((total, [, packets]) => total + Number(packets), 0)
}

/** Delays all packets, where the kernel can do so. */
export function delayPackets(ms: number): boolean {
  const netem = ['qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'delay', `${ms}ms`]
  return spawnSync('tc', netem, { env: withSbin() }).status === 0
}

function nft(commands: string): string {
  return execFileSync('nft', ['-f', '-'], { input: commands, encoding: 'utf8', env: withSbin() })
}

function withSbin(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` }
}
