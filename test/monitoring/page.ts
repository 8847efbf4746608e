// `make monitoring-page`: docs/monitoring.md, with what a balancer and Prometheus answer to each query of the dashboard.

import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { type Query, queriesOfDashboard, type Result, startMonitored } from './support.ts'

const digits = new Intl.NumberFormat('en', { maximumSignificantDigits: 2 })

/** By Grafana's names of units. */
const written: Record<string, (value: number) => string> = {
  bool_yes_no: value => (value === 1 ? 'yes' : 'no'),
  Bps: value => `${digits.format(value)} B/s`,
  bytes: value => `${digits.format(value / 1e6)} MB`,
  ops: value => `${digits.format(value)}/s`,
  percentunit: value => `${digits.format(value * 100)} %`,
  s: value => `${digits.format(value * 1000)} ms`,
}

function resultText({ legend, unit }: Query, { metric, value }: Result): string {
  // ports are others in each run
  const labels: Record<string, string> = { ...metric, ...(metric.instance && { instance: 'agent' }) }
  const name = legend
    ? legend.replace(/\{\{(\w+)\}\}/g, (_, label) => labels[label] ?? '')
    : Object.values(labels).join()
  const number = (written[unit] ?? digits.format)(Number(value[1]))
  return name === '' ? number : `${name}: ${number}`
}

function version(program: string, flag: string): string {
  const { stdout, stderr } = spawnSync(program, [flag], { encoding: 'utf8' })
  return `${stdout}${stderr}`.match(/version (\d[\d.]*)/)?.[1] ?? ''
}

const monitored = await startMonitored()
try {
  const sections = new Map<string, string[]>()
  for (const query of queriesOfDashboard()) {
    const results = await monitored.query(query.expr)
    const rows = sections.get(query.row) ?? []
    const answers = results.map(result => resultText(query, result)).sort()
    rows.push(`| ${query.panel} | \`${query.expr}\` | ${answers.join('; ')} |`)
    sections.set(query.row, rows)
  }
  const page = `# The dashboard in Grafana

What \`deploy/monitoring/grafana/dashboards/dicom.json\` asks Prometheus, and what came back, rounded. \`make monitoring-page\` has
written this page on ${new Date().toISOString().slice(0, 10)}, with HAProxy ${version(process.env.HAPROXY_BIN ?? 'haproxy', '-v')} and Prometheus ${version('prometheus', '--version')}. It starts a balancer with an agent and three pools, and
sends eight associations: some are routed, some refused by a rule or by a PACS that had promised more, and some carry an instance that
belongs elsewhere. Then the rules change. \`[1m]\` stands for what Grafana makes of \`$__rate_interval\`.

[The containers](operations.md#prometheus-and-grafana) have the dashboard, [metrics.md](metrics.md) has the metrics, and
[the runbook](operations.md#alerts) the alerts.
${[...sections].map(([row, rows]) => `\n## ${row}\n\n| panel | query | answer |\n| --- | --- | --- |\n${rows.join('\n')}\n`).join('')}`
  writeFileSync(new URL('../../docs/monitoring.md', import.meta.url), page)
} finally {
  await monitored.stop()
}
