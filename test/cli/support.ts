import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Ran {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs the tool as a user does. */
export function cli(args: readonly string[], { cwd = root, env = {} } = {}): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'agent/cli.ts'), ...args], {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, FORCE_COLOR: undefined, NODE_TEST_CONTEXT: undefined, ...env },
  })
  return { code: status, stdout, stderr }
}

/** A folder for the tests of a file, with these files in it. */
export function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'cli-'))
  after(() => rmSync(folder, { recursive: true }))
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  return folder
}

/** What a command writes, line by line, from `first` on. */
export const lines = (text: string) => text.trimEnd().split('\n')
