import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parse } from 'yaml'
import { type Given, holds } from './given.ts'

/** One entry of conditions/SUBJECT.yaml. With `each`, it is one for each of these keywords, in place of EACH. */
interface Entry {
  each?: string[]
  when: unknown
  holds?: Given[]
  fails?: Given[]
  unknown?: Given[]
}

const folder = join(import.meta.dirname, 'conditions')

for (const file of readdirSync(folder)) {
  describe(`conditions: ${file}`, () => {
    const entries: Entry[] = parse(readFileSync(join(folder, file), 'utf8'))
    for (const { each = ['EACH'], ...written } of entries) {
      for (const keyword of each) {
        const entry: Entry = JSON.parse(JSON.stringify(written).replaceAll('EACH', keyword))
        test(JSON.stringify(entry.when), () => {
          let cases = 0
          for (const truth of ['holds', 'fails', 'unknown'] as const) {
            for (const given of entry[truth] ?? []) {
              cases++
              assert.equal(holds(entry.when, given), truth, JSON.stringify(given))
            }
          }
          assert.ok(cases > 0)
        })
      }
    }
  })
}
