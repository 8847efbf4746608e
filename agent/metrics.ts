// All metrics of an agent. docs/metrics.md lists them, and a test compares.

import { type FrameName, SpoeError, SpopError } from 'haproxy-spoe'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import packageJson from '../package.json' with { type: 'json' }
import type { Answered, AnswerListener, Step } from './decisions.ts'
import type { DecisionListener, MismatchListener } from './handlers.ts'
import type { LiveRules } from './live-rules.ts'
import type { ProbeAnswer } from './negotiation/index.ts'
import { undecidedRuleName } from './routing/evaluate.ts'
import { poolsOf, type RuleSet } from './routing/index.ts'
import { countedModality } from './steps/modality.ts'

export interface Watched {
  rules: LiveRules
  /** open connections from HAProxy */
  connections: () => number
  /** the calling AE titles that get a series of their own; without them, the first ones that are admitted */
  aeTitles?: readonly string[] | undefined
}

export interface Metrics {
  /** the text that Prometheus reads, and its content type */
  text(): Promise<string>
  readonly contentType: string
  answered: AnswerListener
  decided: DecisionListener
  frame: (name: FrameName) => void
  spopError: (error: Error) => void
  /** a pool was asked what it accepts */
  probed: (pool: string, outcome: ProbeAnswer['outcome']) => void
  /** it was looked up what a pool accepts */
  lookedUp: (isKnown: boolean) => void
  mismatched: MismatchListener
  /** what became of an audit message */
  audited: (outcome: 'sent' | 'dropped') => void
  /** how often each rule of those that serve has decided, and how often it had to wait for a dataset */
  hits(): ReadonlyMap<string, Hits>
}

export interface Hits {
  decided: number
  waited: number
}

/** Without a list of AE titles, as many get a series of their own. */
const FIRST_AE_TITLES = 50

/** Gauges that prom-client names as if they were counters, which is no good form; there is one without `_total` for each. */
const MISNAMED = ['handles', 'requests', 'resources'].map(what => `nodejs_active_${what}_total`)

export function createMetrics({ rules, connections, aeTitles }: Watched): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  for (const name of MISNAMED) registry.removeSingleMetric(name)

  const decisions = new Tally(
    registry,
    'dicom_lb_decisions_total',
    'Questions of HAProxy that were answered, by what was decided.',
    ['step', 'path', 'rule', 'pool', 'outcome'],
  )
  const refusals = new Tally(
    registry,
    'dicom_lb_refusals_total',
    'Associations and instances that were refused, by reason.',
    ['step', 'reason'],
  )
  const associations = new Tally(
    registry,
    'dicom_lb_associations_total',
    'Associations that were asked for, by calling AE title.',
    ['calling_ae', 'path'],
  )
  const modalities = new Tally(
    registry,
    'dicom_lb_delayed_associations_total',
    'Associations whose first dataset was judged, by its Modality.',
    ['modality', 'pool'],
  )
  const duration = new Histogram({
    name: 'dicom_lb_answer_duration_seconds',
    help: 'How long the agent took to answer a question of HAProxy.',
    labelNames: ['step'],
    buckets: [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1],
    registers,
  })
  const headBytes = new Histogram({
    name: 'dicom_lb_dataset_head_bytes',
    help: 'Bytes of a dataset that were needed to decide; all that had come, where they did not do.',
    labelNames: ['step'],
    buckets: [256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536],
    registers,
  })
  const frames = new Tally(
    registry,
    'dicom_lb_spop_frames_total',
    'SPOP frames that came from HAProxy or went to it, by type.',
    ['type'],
  )
  const errors = new Tally(
    registry,
    'dicom_lb_spop_errors_total',
    'Errors on the connections with HAProxy and in answers to it, by code and SPOP status code.',
    ['code', 'status'],
  )
  const lookUps = new Tally(
    registry,
    'dicom_lb_knowledge_lookups_total',
    'How often it was looked up what a pool accepts, and whether that was known.',
    ['found'],
  )
  const probes = new Tally(
    registry,
    'dicom_lb_probes_total',
    'Associations that were opened to ask a pool what it accepts, by what came of it.',
    ['pool', 'answer'],
  )
  const mismatches = new Tally(
    registry,
    'dicom_lb_mismatches_total',
    'Associations that a pool did not take as promised, by reason.',
    ['pool', 'reason'],
  )
  const audits = new Tally(
    registry,
    'dicom_lb_audit_messages_total',
    'Audit messages, by what became of them.',
    ['delivery'],
  )
  new Gauge({
    name: 'dicom_lb_spop_connections',
    help: 'Open connections from HAProxy.',
    registers,
    collect() {
      this.set(connections())
    },
  })
  new Gauge({
    name: 'dicom_lb_rules_info',
    help: 'Always 1; the label is the hash of the rule files that serve.',
    labelNames: ['hash'],
    registers,
    collect() {
      this.reset()
      this.set({ hash: rules.serving.hash }, 1)
    },
  })
  new Gauge({
    name: 'dicom_lb_rules_last_reload_successful',
    help: 'Whether the last attempt to load rules succeeded.',
    registers,
    collect() {
      this.set(rules.lastReload.ok ? 1 : 0)
    },
  })
  new Gauge({
    name: 'dicom_lb_rules_last_reload_success_timestamp_seconds',
    help: 'When the rules that serve were loaded.',
    registers,
    collect() {
      this.set(rules.serving.loadedAt.getTime() / 1000)
    },
  })
  const build = new Gauge({
    name: 'dicom_lb_build_info',
    help: 'Always 1; the label is the version of the agent.',
    labelNames: ['version'],
    registers,
  })
  build.set({ version: packageJson.version }, 1)

  const steps: readonly Step[] = ['associate', 'dataset', 'instance']
  const durations = new Map(steps.map(step => [step, duration.labels(step)]))
  const titleOf = bounded(aeTitles)
  let counted: RuleSet | undefined

  const answered: AnswerListener = (answer, ruleSet, seconds) => {
    forgetOthers(ruleSet)
    const { step, rule, waitsFor, backend, pool, refusal, calling, path, headBytes: bytes } = answer
    decisions.add(
      step,
      step === 'associate' && path !== 'delayed' ? 'direct' : 'delayed',
      rule ?? waitsFor ?? '',
      backend ?? pool ?? '',
      outcomeOf(answer),
    )
    if (refusal !== undefined) refusals.add(step, refusal)
    if (path !== undefined) {
      // who is refused may not use up the titles
      associations.add(titleOf(calling ?? '', path !== 'refused'), path)
    }
    if (bytes !== undefined) headBytes.observe({ step }, bytes)
    durations.get(step)?.observe(seconds)
  }

  const decided: DecisionListener = ({ answer, image }) => {
    // what has a verdict is a later instance
    if (image && !('verdict' in answer)) {
      modalities.add(countedModality(image.promised, image.head), image.pool)
    }
  }

  /** Series of rules and pools that are gone would stay for ever, and more of them with each reload. */
  function forgetOthers(ruleSet: RuleSet): void {
    if (ruleSet === counted) return
    counted = ruleSet
    const rulesKnown = new Set(['', undecidedRuleName, ...ruleSet.rules.map(({ name }) => name)])
    const poolsKnown = poolsOf(ruleSet).add('')
    decisions.keep(({ rule, pool }) => rulesKnown.has(rule) && poolsKnown.has(pool))
    for (const tally of [modalities, probes, mismatches]) tally.keep(({ pool }) => poolsKnown.has(pool))
  }

  return {
    contentType: registry.contentType,
    text() {
      forgetOthers(rules.serving.ruleSet)
      return registry.metrics()
    },
    answered,
    decided,
    frame: type => frames.add(type),
    probed: (pool, outcome) => probes.add(pool, outcome),
    lookedUp: isKnown => lookUps.add(isKnown ? 'hit' : 'miss'),
    mismatched: (pool, reason) => mismatches.add(pool, reason),
    audited: outcome => audits.add(outcome),
    spopError(error) {
      const known = error instanceof SpopError || error instanceof SpoeError
      const status = error instanceof SpopError ? String(error.statusCode) : ''
      errors.add(known ? error.code : 'OTHER', status)
    },
    hits() {
      const hits = new Map<string, Hits>()
      for (const { labels, count } of decisions.series) {
        const ofRule = hits.get(labels.rule) ?? { decided: 0, waited: 0 }
        ofRule[labels.outcome === 'promised' ? 'waited' : 'decided'] += count
        hits.set(labels.rule, ofRule)
      }
      return hits
    },
  }
}

interface Series<L extends string> {
  labels: Record<L, string>
  count: number
}

/**
 * A counter that prom-client is told of when somebody looks: what counts here can be read, and forgotten, by its labels. It
 * takes half the time, too. All metrics together take about 2 µs of an answer's 10.
 */
class Tally<L extends string> {
  readonly #labelNames: readonly L[]
  readonly #series = new Map<string, Series<L>>()

  constructor(registry: Registry, name: string, help: string, labelNames: readonly L[]) {
    this.#labelNames = labelNames
    const series = this.#series
    new Counter({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset()
        for (const { labels, count } of series.values()) this.inc(labels, count)
      },
    })
  }

  get series(): Iterable<Series<L>> {
    return this.#series.values()
  }

  /** One more with these labels, in the order of their names. */
  add(...values: string[]): void {
    const key = values.join('\n')
    const series = this.#series.get(key)
    if (series) {
      series.count++
      return
    }
    const labels = Object.fromEntries(this.#labelNames.map((name, index) => [name, values[index] ?? '']))
    this.#series.set(key, { labels: labels as Record<L, string>, count: 1 })
  }

  /** Forgets what has other labels. */
  keep(isKept: (labels: Record<L, string>) => boolean): void {
    for (const [key, { labels }] of this.#series) if (!isKept(labels)) this.#series.delete(key)
  }
}

type Outcome = 'bound' | 'promised' | 'refused' | 'passed' | 'followed'

function outcomeOf({ path, verdict, refusal }: Answered): Outcome {
  if (refusal !== undefined) return 'refused'
  if (verdict !== undefined) return verdict === 'pass' ? 'passed' : 'followed'
  return path === 'delayed' ? 'promised' : 'bound'
}

/** The AE titles are the clients' to choose: there may be any number of them. */
function bounded(allowed: readonly string[] | undefined): (title: string, isAdmitted: boolean) => string {
  const titles = new Set(allowed)
  return (title, isAdmitted) => {
    if (allowed === undefined && isAdmitted && titles.size < FIRST_AE_TITLES) titles.add(title)
    return titles.has(title) ? title : 'other'
  }
}
