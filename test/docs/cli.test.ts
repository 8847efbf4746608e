import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { cli, folderOf, root } from '../cli/support.ts'

const page = readFileSync(join(root, 'docs/cli.md'), 'utf8')

describe('docs/cli.md', () => {
  test('has rules whose tests pass', () => {
    const [, file = ''] = page.match(/^```yaml\n(rules:.*?)^```$/ms) ?? []
    const { code, stdout } = cli(['test', folderOf({ 'r.yaml': file })])
    assert.match(stdout, /2 tests passed, 0 failed/)
    assert.equal(code, 0)
  })

  test('shows what explain prints', () => {
    const { stdout } = cli(['explain', 'dicom-samples/mr-brain.dcm'])
    assert.ok(page.includes(`\`\`\`\n${stdout.trimEnd()}\n\`\`\``), stdout)
  })

  test('shows what check prints', () => {
    const [, shown = ''] = page.match(/^```\n(agent\/rules\/10-modality.*?)^```$/ms) ?? []
    const rules = readFileSync(join(root, 'agent/rules/10-modality.yaml'), 'utf8')
    const cwd = folderOf({ 'agent/rules/10-modality.yaml': rules.replace('Modality: CT', 'Modalty: CT') })
    assert.ok(cli(['check'], { cwd }).stdout.startsWith(shown))
  })

  for (const name of ['check', 'test', 'explain', 'diff', 'schema']) {
    test(`knows the usage of ${name}`, () => {
      const [usage = ''] = cli([name, '--help']).stdout.split('\n')
      const heading = usage.replace('node agent/cli.ts ', '## ').replace('[--json] ', '').trim()
      assert.ok(page.includes(`${heading}\n`), heading)
    })
  }
})
