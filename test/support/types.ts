import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { start } from '../../deploy/local/processes.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** A value, and the type that it is to have: `import('package').Name`. */
export interface Typed {
  type: string
  value: unknown
}

/** What the compiler says of values as literals: of keys that there are not, or must be, and of what they hold. */
export async function typeProblems(typed: readonly Typed[]): Promise<string> {
  // in the project's folder, where the packages are found
  const folder = mkdtempSync(join(root, 'test/types-'))
  try {
    const lines = typed.map(
      ({ type, value }, n) => `export const value${n}: ${type} = ${JSON.stringify(value, null, 1)}`,
    )
    writeFileSync(join(folder, 'values.ts'), lines.join('\n'))
    const options = ['--ignoreConfig', '--noEmit', '--strict', '--moduleResolution', 'bundler']
    const args = [...options, '--module', 'esnext', '--types', '', join(folder, 'values.ts')]
    const tsc = await start({ name: 'tsc', command: [join(root, 'node_modules/.bin/tsc'), ...args] })
    await tsc.ended
    return tsc.output()
  } finally {
    rmSync(folder, { recursive: true })
  }
}
