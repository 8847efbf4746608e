import { execFileSync, spawnSync } from 'node:child_process'
import { cpus, release, totalmem } from 'node:os'
import { HAPROXY_BIN } from '../support/haproxy.ts'

/** What a number depends on that nobody can see from it. */
export function circumstances(): Record<string, string> {
  const [version = ''] = execFileSync(HAPROXY_BIN, ['-v'], { encoding: 'utf8' }).split('\n')
  return {
    date: new Date().toISOString(),
    commit:
      spawnSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).stdout?.trim() || 'unknown',
    HAProxy: version.replace(/^HAProxy version (\S+).*/, '$1'),
    'Node.js': process.version,
    CPU: `${cpus()[0]?.model}, ${cpus().length} cores`,
    memory: `${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    Linux: release(),
  }
}

/** How programs that are measured beside call their own versions. */
const asked: Readonly<Record<string, readonly [string, string]>> = {
  nginx: ['nginx', '-v'],
  Orthanc: ['Orthanc', '--version'],
  DCMTK: ['storescp', '--version'],
  wrk: ['wrk', '-v'],
}

/** Versions of what a site would use instead, and of what sends. */
export function versions(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(asked).map(([name, [program, option]]) => {
      const { stdout, stderr } = spawnSync(program, [option], { encoding: 'utf8' })
      const [version = 'unknown'] = `${stdout}${stderr}`.match(/\d+(\.\d+)+/) ?? []
      return [name, version]
    }),
  )
}
