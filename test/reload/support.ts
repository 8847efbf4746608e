import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { pino } from 'pino'
import { startRules } from '../../agent/live-rules.ts'

/** A rule file of one rule. */
export const ruleFile = (name: string) => `rules:\n  - { name: ${name}, route: pool }\n`

/** A rule file with two mistakes. */
export const badFile = 'rules:\n  - { name: one }\n  - { name: two, route: a b }\n'

/** What is wrong with `badFile`, as the file `rules.yaml` of `folder`. */
export const problemsIn = (folder: string) => [
  `${join(folder, 'rules.yaml')}:2:5: rule "one": the rule needs either route: <pool> or reject: <reason>`,
  `${join(folder, 'rules.yaml')}:3:25: rule "two": route is no backend of HAProxy: use letters, digits and - _ . : only`,
]

/** A folder that goes with the test, with this `rules.yaml`. */
export function folderOf(t: TestContext, content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'reload-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'rules.yaml'), content)
  return folder
}

export type LogLine = {
  level: number
  msg: string
  trigger: string
  hash: string
  serving?: string
  problems?: string[]
}

/** Live rules of a folder, polled by the test alone, and what they log. */
export async function start(folder: string) {
  const logged: LogLine[] = []
  const log = pino(
    { base: null, timestamp: false },
    { write: (line: string) => logged.push(JSON.parse(line)) },
  )
  const rules = await startRules(folder, log)
  return {
    rules,
    log,
    logged,
    /** the names of the rules that serve */
    serving: () => rules.serving.ruleSet.rules.map(({ name }) => name).join(),
    /** as often as it takes to notice a change, and once more */
    async settle() {
      for (let polls = 0; polls < 3; polls++) await rules.poll()
    },
  }
}
