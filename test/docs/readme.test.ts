import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { createAdmin } from '../../agent/admin/server.ts'
import { startRules } from '../../agent/live-rules.ts'
import { loadRules, RulesInvalid } from '../../agent/routing/index.ts'
import { HAPROXY_BIN } from '../support/haproxy.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const readme = read('README.md')

/** The one code block of this kind. */
function block(kind: string): string {
  const blocks = [...readme.matchAll(new RegExp(`^\`\`\`${kind}\n(.*?)^\`\`\`$`, 'gms'))]
  assert.equal(blocks.length, 1)
  return blocks[0]?.[1] ?? ''
}

describe('the README', () => {
  let folder = ''
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'readme-'))
  })
  after(() => rmSync(folder, { recursive: true }))

  test('has a rule file that is right', () => {
    writeFileSync(join(folder, 'rules.yaml'), block('yaml'))
    const ruleSet = loadRules(folder)
    assert.deepEqual(
      ruleSet.rules.map(({ name }) => name),
      ['strangers', 'neuro', 'CT', 'default'],
    )
  })

  test('has pools that HAProxy takes', () => {
    const file = join(folder, 'pacs.cfg')
    writeFileSync(file, block('haproxy'))
    execFileSync(HAPROXY_BIN, ['-c', '-C', join(root, 'haproxy'), '-f', 'haproxy.cfg', '-f', file], {
      stdio: 'pipe',
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    })
  })

  test('quotes the message for a wrong keyword', () => {
    const [, position, message] = readme.match(/10-modality\.yaml(:\d+:\d+): (rule .* did you mean .*)/) ?? []
    const file = join(folder, 'rules.yaml')
    writeFileSync(file, 'rules:\n  - name: CT\n    when:\n      Modalty: CT\n    route: ct\n')
    assert.throws(
      () => loadRules(folder),
      (error: Error) => error instanceof RulesInvalid && error.message === `${file}${position}: ${message}`,
    )
  })

  test('shows what /readyz tells of rules that were refused', async () => {
    const file = join(folder, 'rules.yaml')
    writeFileSync(file, 'rules:\n  - { name: CT, route: ct }\n')
    const log = pino({ level: 'silent' })
    const rules = await startRules(folder, log)
    writeFileSync(file, 'rules:\n  - name: CT\n    when:\n      Modalty: CT\n    route: ct\n')
    await rules.reload('save')
    const app = createAdmin({ phase: 'serving', rules }, log)
    const { body } = await app.inject('/readyz')
    const shown = JSON.parse(block('json'))
    const told = JSON.parse(body.replace(file, 'agent/rules/10-modality.yaml'))
    for (const part of ['rules', 'lastReload'] as const) {
      assert.deepEqual(Object.keys(told[part]), Object.keys(shown[part]))
    }
    assert.deepEqual(told.lastReload.problems, shown.lastReload.problems)
  })

  test('knows every variable of the environment, and no other', () => {
    const haproxy = [...read('haproxy/haproxy.cfg').matchAll(/(?:presetenv |defined\()(\w+)/g)]
    const statistics = [...read('haproxy/haproxy.cfg').matchAll(/\$\{(\w+)-/g)]
    const agent = [...read('agent/config.ts').matchAll(/^ {2}([A-Z_]+):/gm)]
    const there = new Set([...haproxy, ...statistics, ...agent].map(([, name]) => name))
    const [, section] = readme.match(/^### Environment\n(.*?)^## /ms) ?? []
    const told = [...(section ?? '').matchAll(/^\| (.*?) \|/gm)].flatMap(
      ([, cell]) => cell?.match(/[A-Z_0-9]{3,}/g) ?? [],
    )
    assert.deepEqual(told.sort(), [...there].sort())
  })

  test('knows every refusal that the log may hold', () => {
    const sources =
      read('haproxy/dicom.lua') +
      read('agent/handlers.ts') +
      ['associate', 'dataset', 'instance', 'judge'].map(step => read(`agent/steps/${step}.ts`)).join()
    const refusals = [
      ...sources.matchAll(
        /refuse\(txn, "([\w-]+)"|wrong = "([\w-]+)"|refusal: '([\w-]+)'|return "(pacs-[\w-]+)"|"(pacs-[\w-]+)"/g,
      ),
    ].map(([, ...names]) => names.find(name => name !== undefined) ?? '')
    assert.ok(refusals.length > 20)
    for (const refusal of refusals) {
      if (refusal === 'offer-too-large') continue // cannot happen: the offer is never longer than the RQ
      assert.ok(readme.includes(`\`${refusal}\``), refusal)
    }
  })

  test('links to files that are there', () => {
    for (const [, target = ''] of readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
      assert.ok(existsSync(join(root, target)), target)
    }
  })
})
