// `make send`: sends dicom-samples/ through the balancer, one association each, and prints where each went.

import { execFile } from 'node:child_process'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { demo, folderOf } from './demo.ts'
import { type PacsServer, readPacsFile } from './pacs-file.ts'
import { answers } from './ports.ts'

const run = promisify(execFile)
const files =
  process.argv.length > 2 ? process.argv.slice(2) : globSync(join(demo.root, 'dicom-samples/*.dcm')).sort()
const servers = readPacsFile(demo.pacsFile)

if (!(await answers(demo.statsPort)) || !existsSync(demo.haproxyLog)) {
  console.error('Nothing is running here. Start it first, in another terminal: make run')
  process.exit(1)
}
const rows = [['sample', 'modality', 'path', 'rule', 'pool/server', 'held by', 'result']]
for (const [index, file] of files.entries()) rows.push(await send(file, `SEND-${process.pid}-${index}`))
console.log(table(rows))
if (rows.slice(1).some(row => row.at(-1) !== 'stored')) process.exitCode = 1

/** Sends one file under a calling AE title of its own, by which HAProxy's log tells its association. */
async function send(file: string, callingAE: string): Promise<string[]> {
  const begin = Date.now() - 1
  const { modality, sopInstanceUid } = await identify(file)
  const options = ['-aet', callingAE, '-aec', 'ANY-SCP', '--decompress-never']
  const sent: { stderr: string; message?: string } = await run(
    'dcmsend',
    [...options, 'localhost', String(demo.dicomPort), file],
    { env: { ...process.env, TCP_NODELAY: '1' } },
  ).catch(error => error)
  // where nothing that it has is accepted, it says so and succeeds
  const problem = String(sent.stderr).match(/^[EF]: .*/m)?.[0] ?? sent.message
  const { path, target, rule, refusal } = await logged(callingAE)
  const holders = servers.filter(server =>
    globSync(join(folderOf(server), `*.${sopInstanceUid}`)).some(copy => statSync(copy).mtimeMs >= begin),
  )
  const result =
    problem === undefined
      ? whatIsHeld(target, holders)
      : `${refusal === '-' ? 'failed' : refusal} (${problem})`
  return [
    basename(file),
    modality,
    path,
    rule,
    target,
    holders.map(({ name }) => name).join(' ') || '-',
    result,
  ]
}

/** A PACS that is none of the demo's tells nobody what it has: there, its answer must do. */
function whatIsHeld(target: string, holders: readonly PacsServer[]): string {
  const chosen = servers.find(({ pool, name }) => `${pool}/${name}` === target)
  if (holders.length === 0 && chosen && !existsSync(folderOf(chosen))) return 'stored'
  return holders.length === 1 && holders[0] === chosen ? 'stored' : 'not held by that node alone'
}

async function identify(file: string): Promise<{ modality: string; sopInstanceUid: string }> {
  const { stdout } = await run('dcmdump', ['-q', '+P', '0008,0060', '+P', '0008,0018', file])
  const textOf = (tag: string) => stdout.match(new RegExp(`\\(${tag}\\) \\w\\w \\[([^\\]]*)\\]`))?.[1] ?? '-'
  return { modality: textOf('0008,0060'), sopInstanceUid: textOf('0008,0018') }
}

/** What HAProxy says of the association; it says so when the association ends. */
async function logged(callingAE: string): Promise<Record<'path' | 'target' | 'rule' | 'refusal', string>> {
  for (let tries = 0; tries < 250; tries++) {
    const line = readFileSync(demo.haproxyLog, 'utf8')
      .split('\n')
      .find(line => line.includes(`calling="${callingAE}"`))
    const match = line?.match(/^\S+ \S+ (\S+) (\S+) rule="([^"]*)".* refusal=(\S+)/)
    if (match)
      return { path: match[1] ?? '', target: match[2] ?? '', rule: match[3] ?? '', refusal: match[4] ?? '' }
    await sleep(20)
  }
  return { path: '?', target: '?', rule: '?', refusal: 'not in the log' }
}

function table(rows: readonly string[][]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0))) ?? []
  return rows
    .map(row =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
