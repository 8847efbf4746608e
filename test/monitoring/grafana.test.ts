import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Dashboard } from '@grafana/schema'
import schema from '@grafana/schema/package.json' with { type: 'json' }
import { parse } from 'yaml'
import { typeProblems } from '../support/types.ts'
import type { Dashboards, Datasources } from './provisioning.ts'

interface Compose {
  services: { grafana: { image: string; volumes: string[] } }
}

const folder = './deploy/monitoring/grafana'
const read = (path: string) => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8')
const dashboard: Dashboard = JSON.parse(read(`${folder}/dashboards/dicom.json`))
const datasources: Datasources = parse(read(`${folder}/datasources/prometheus.yml`))
const dashboards: Dashboards = parse(read(`${folder}/dashboards/provider.yml`))
const { services }: Compose = parse(read('docker-compose.yml'), { merge: true })

const files: Record<string, { type: string; value: object }> = {
  'the dashboard': { type: "import('@grafana/schema').Dashboard", value: dashboard },
  'the data source': { type: "import('../monitoring/provisioning').Datasources", value: datasources },
  'the provider of dashboards': {
    type: "import('../monitoring/provisioning').Dashboards",
    value: dashboards,
  },
}

describe('what Grafana is given', () => {
  for (const [what, file] of Object.entries(files)) {
    test(`${what} has what Grafana knows, and no more`, async () => {
      assert.equal(await typeProblems([file]), '')
    })
  }

  for (const [what, where, right, wrong] of [
    ['a misspelt key', 'the dashboard', '"gridPos"', '"gridpos"'],
    ['a kind of variable that there is not', 'the dashboard', '"type":"datasource"', '"type":"data source"'],
    ['a misspelt key', 'the data source', '"isDefault"', '"default"'],
    [
      'a value of another type',
      'the provider of dashboards',
      '"disableDeletion":true',
      '"disableDeletion":"yes"',
    ],
  ] as const) {
    test(`${what} in ${where} is found`, async () => {
      const { type = '', value = {} } = files[where] ?? {}
      const text = JSON.stringify(value)
      const broken = text.replace(right, wrong)
      assert.notEqual(broken, text)
      assert.match(await typeProblems([{ type, value: JSON.parse(broken) }]), /error TS2/)
    })
  }

  test('is for the version of Grafana that runs', () => {
    assert.equal(services.grafana.image, `grafana/grafana:${schema.version}`)
  })

  test('leads from the dashboard to the Prometheus beside it', () => {
    const [variable] = dashboard.templating?.list ?? []
    const [datasource] = datasources.datasources
    assert.equal(variable?.query, datasource?.type)
    assert.ok(new URL(datasource?.url ?? '').hostname in services)
  })

  test('is where Grafana looks for it', () => {
    const folders = new Map(
      services.grafana.volumes.map(volume => volume.split(':', 2).reverse() as [string, string]),
    )
    const [provider] = dashboards.providers
    assert.equal(folders.get(provider?.options.path ?? ''), `${folder}/dashboards`)
    assert.equal(folders.get('/etc/grafana/provisioning/datasources'), `${folder}/datasources`)
    const [, home = ''] = read(`${folder}/grafana.ini`).match(/^default_home_dashboard_path = (.*)$/m) ?? []
    assert.equal(home, `${provider?.options.path}/dicom.json`)
  })
})
