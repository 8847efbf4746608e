import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Dashboard } from '@grafana/schema'
import { parse, stringify } from 'yaml'
import { encodeAssociateRj } from '../../agent/dicom/index.ts'
import { start } from '../../deploy/local/processes.ts'
import { adminUrl, type Balancer, startBalancer } from '../support/balancer.ts'
import { storeEach } from '../support/client.ts'
import { waitUntil } from '../support/haproxy.ts'
import { startPacs } from '../support/pacs.ts'
import { freePort } from '../support/ports.ts'

const monitoring = fileURLToPath(new URL('../../deploy/monitoring', import.meta.url))

export interface Result {
  metric: Record<string, string>
  value: [time: number, value: string]
}

export interface Query {
  /** the heading above the panel */
  row: string
  panel: string
  expr: string
  /** what a result is called, with `{{label}}` for its labels */
  legend: string
  /** Grafana's name of it */
  unit: string
}

interface Target {
  expr: string
  legendFormat?: string
}

/** What the dashboard asks Prometheus, its variables filled in. */
export function queriesOfDashboard(): Query[] {
  const file = join(monitoring, 'grafana/dashboards/dicom.json')
  const { panels = [] }: Dashboard = JSON.parse(readFileSync(file, 'utf8'))
  let row = ''
  return panels.flatMap(panel => {
    const { title = '' } = panel
    if (panel.type === 'row') row = title
    if (!('targets' in panel)) return []
    const unit = panel.fieldConfig?.defaults.unit ?? ''
    return ((panel.targets ?? []) as unknown as Target[]).map(({ expr, legendFormat: legend = '' }) => ({
      row,
      panel: title,
      expr: expr.replaceAll('$__rate_interval', '1m'),
      legend,
      unit,
    }))
  })
}

const rules = `
rules:
  - { name: unwanted, when: { callingAE: STRANGER }, reject: calling-ae-title-not-recognized }
  - { name: CT, when: { Modality: CT }, route: ct }
  - { name: MR, when: { Modality: MR }, route: mr }
  - { name: US, when: { Modality: US }, route: general }
`

export interface Monitored {
  query(expr: string): Promise<Result[]>
  stop(): Promise<void>
}

/** A balancer that does all that it can, and Prometheus, as it is shipped, that has seen it. */
export async function startMonitored(): Promise<Monitored> {
  const pacs = await startPacs()
  // rejects those whom it promised to take
  const moody = await startPacs(async peer => {
    peer.send(encodeAssociateRj({ result: 1, source: 1, reason: 1 }))
  })
  const balancer = await startBalancer({
    rules,
    pools: {
      ct: [
        { name: 'CT:1', port: pacs.port },
        { name: 'CT:2', port: pacs.port },
      ],
      mr: [{ name: 'MR', port: pacs.port }],
      general: [{ name: 'GENERAL', port: moody.port }],
    },
    // of two, each could have answered a step once only, which is no rate
    agents: 1,
  })
  const prometheus = await startPrometheus(balancer)
  const one = async (expr: string) => Number((await prometheus.query(expr))[0]?.value[1])
  const traffic = async () => {
    await storeEach(balancer.port, 'STRANGER', [])
    await storeEach(balancer.port, 'CT_ROOM', ['CT', 'CT', 'MR'])
    await storeEach(balancer.port, 'MR_ROOM', ['MR'])
    await storeEach(balancer.port, 'US_ROOM', ['US'])
  }
  const seen = (associations: number) =>
    waitUntil(
      async () => (await one('sum(dicom_lb_decisions_total{step="associate"})')) === associations,
      undefined,
      30_000,
    )
  // a rate needs two values
  await traffic()
  await seen(4)
  await traffic()
  await seen(8)
  writeFileSync(join(balancer.rulesFolder, 'rules.yaml'), `${rules}# changed\n`)
  await waitUntil(
    async () => (await one('min(changes(dicom_lb_rules_last_reload_success_timestamp_seconds[1h]))')) === 1,
    undefined,
    30_000,
  )
  return {
    query: prometheus.query,
    async stop() {
      await prometheus.stop()
      await balancer.stop()
      await Promise.all([pacs.stop(), moody.stop()])
    },
  }
}

async function startPrometheus({ agents, statsPort }: Balancer): Promise<Monitored> {
  const folder = mkdtempSync(join(tmpdir(), 'prometheus-'))
  cpSync(monitoring, folder, { recursive: true })
  const file = join(folder, 'prometheus.yml')
  const config = parse(readFileSync(file, 'utf8')) as { global: object; scrape_configs: object }
  const agentHosts = (await Promise.all(agents.map(adminUrl))).map(url => new URL(url).host)
  config.global = { scrape_interval: '500ms' }
  config.scrape_configs = [
    { job_name: 'haproxy', static_configs: [{ targets: [`127.0.0.1:${statsPort}`] }] },
    { job_name: 'agent', static_configs: [{ targets: agentHosts }] },
  ]
  writeFileSync(file, stringify(config))
  const port = await freePort()
  const prometheus = await start({
    name: 'prometheus',
    command: [
      'prometheus',
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
  })
  await prometheus.wrote(/Server is ready to receive web requests/)
  return {
    async query(expr) {
      const body = new URLSearchParams({ query: expr })
      const response = await fetch(`http://127.0.0.1:${port}/api/v1/query`, { method: 'POST', body })
      const answer = (await response.json()) as { data?: { result: Result[] }; error?: string }
      if (!answer.data) throw new Error(`${expr}: ${answer.error}`)
      return answer.data.result
    },
    async stop() {
      await prometheus.stop()
      rmSync(folder, { recursive: true })
    },
  }
}
