import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

interface Alert {
  alert: string
  annotations: { summary: string; runbook: string }
}

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string) => readFileSync(`${root}/${path}`, 'utf8')
const { groups } = parse(read('deploy/monitoring/alerts.yml')) as { groups: { rules: Alert[] }[] }
const alerts = groups.flatMap(({ rules }) => rules)

function promtool(...args: string[]): void {
  const { status, stdout, stderr } = spawnSync('promtool', args, {
    cwd: `${root}/deploy/monitoring`,
    encoding: 'utf8',
  })
  assert.equal(status, 0, stdout + stderr)
}

describe('the alerts', () => {
  test('are what Prometheus can read, and so is its configuration', () => {
    promtool('check', 'config', '--lint-fatal', 'prometheus.yml')
  })

  test('fire when something is wrong, and else do not', () => promtool('test', 'rules', 'alerts.test.yml'))

  test('have a case each in which they fire', () => {
    const cases = read('deploy/monitoring/alerts.test.yml')
    for (const { alert } of alerts) assert.ok(cases.includes(`alertname="${alert}"`), alert)
  })

  test('have a section each in the runbook, and it has no others', () => {
    const [, section = ''] = read('docs/operations.md').match(/^## Alerts\n(.*?)^## /ms) ?? []
    const headings = [...section.matchAll(/^### (\w+)$/gm)].map(([, name]) => name)
    assert.deepEqual(
      headings,
      alerts.map(({ alert }) => alert),
    )
    for (const { alert, annotations } of alerts) {
      assert.equal(annotations.runbook, `docs/operations.md#${alert.toLowerCase()}`)
    }
  })
})
