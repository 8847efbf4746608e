import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { problemsOf } from './support.ts'

// Each refused/SUBJECT.bad.yaml is a rule file. What is said of it stands at its end, behind "#! ", line by line.

const folder = join(import.meta.dirname, 'refused')

describe('bad files', () => {
  for (const name of readdirSync(folder)) {
    test(name, () => {
      const file = readFileSync(join(folder, name), 'utf8')
      const expected = [...file.matchAll(/^#! (.*)$/gm)].map(([, problem]) => `${name}:${problem}`)
      assert.ok(expected.length > 0)
      assert.deepEqual(problemsOf({ [name]: file }), expected)
    })
  }
})
