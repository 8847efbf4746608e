// What rules cost: a part of `make bench`. What must hold stands beside the figures; nothing fails here.
import {
  type AssociationFacts,
  buildRules,
  type DatasetFacts,
  decide,
  type RuleSet,
} from '../../agent/routing/index.ts'
import { association, lookups } from '../routing/support.ts'
import { type Line, type Part, progress, report } from './report.ts'
import { interleave, spread } from './rounds.ts'

const rounds = 30
const sizes = [10, 100, 1_000, 10_000]

/** What a rule asks for, five conditions, and what an association that it decides brings. */
const modalities = ['CT', 'MR', 'US', 'CR', 'DX', 'MG', 'XA', 'NM', 'PT', 'SC']
const parts = ['HEAD', 'NECK', 'CHEST', 'ABDOMEN', 'PELVIS', 'KNEE', 'HAND']
const asked = (place: number) => ({
  callingAE: `SCU_${place % 200}`,
  Modality: modalities[place % modalities.length] ?? '',
  BodyPartExamined: parts[place % parts.length] ?? '',
  StudyDescription: `protocol ${place}.`,
})

/** Rules that hold nothing that could be looked up, by what they hold instead. */
const forms: Readonly<Record<string, (place: number) => Record<string, unknown>>> = {
  'CT_17*': place => ({ callingAE: `SCU_${place}*` }),
  '*_CT17': place => ({ StationName: `*_CT${place}` }),
  '*CT17*': place => ({ StationName: `*CT${place}*` }),
  'C?_*17': place => ({ StationName: `C?_*${place}` }),
  startsWith: place => ({ StudyDescription: { startsWith: `protocol ${place}`, ignoreCase: true } }),
  contains: place => ({ StudyDescription: { contains: `tocol ${place}.`, ignoreCase: true } }),
  matches: place => ({ StudyDescription: { matches: `(?i)^prot[a-z]+ +${place}\\.` } }),
  'a range': place => ({ InstanceNumber: { gte: place, lt: place + 1 } }),
  'a range of dates': place => ({ StudyDate: { gte: `${1000 + place}-03`, lte: `${1000 + place}-06` } }),
  not: place => ({ not: { BodyPartExamined: { not: `PART${place}` } } }),
  any: place => ({ any: [{ callingAE: `SCU_${place}` }, { StationName: `CT${place}` }] }),
  'person names': place => ({ PatientName: `DOE^${place}` }),
  networks: place => ({ source: `10.${place >> 8}.${place & 255}.0/24` }),
  'globs, range, contains and exists': place => ({
    callingAE: `${modalities[place % modalities.length]}_*`,
    PatientAge: { gte: '018Y' },
    BodyPartExamined: { exists: true },
    StationName: { not: 'TEST*' },
    StudyDescription: { contains: `protocol ${place}.`, ignoreCase: true },
  }),
  '... and Modality': place => ({
    callingAE: `S*_${place % 200}`,
    Modality: modalities[place % modalities.length],
    PatientAge: { gte: '018Y' },
    BodyPartExamined: { exists: true },
    StudyDescription: { contains: `protocol ${place}.`, ignoreCase: true },
  }),
}

const ruleSets = new Map<number, RuleSet>()
for (const size of sizes) ruleSets.set(size, await build(size))
report('rules', [await decisions(), await othersThanValues(1_000), await loading(1_000)])

function build(size: number, whenOf = fiveConditions): Promise<RuleSet> {
  const rules = Array.from({ length: size }, (_, place) => ({
    name: `${place}`,
    when: whenOf(place),
    route: `pool${place % 20}`,
  }))
  const content = Buffer.from(JSON.stringify({ rules, default: 'archive' }, undefined, 1))
  return buildRules({ folder: 'bench', files: [{ name: 'rules.yaml', content }], hash: '' })
}

function fiveConditions(place: number): Record<string, unknown> {
  const { callingAE, Modality, BodyPartExamined, StudyDescription } = asked(place)
  return {
    callingAE,
    calledAE: ['ARCHIVE', 'PACS*'],
    Modality,
    BodyPartExamined: [BodyPartExamined, 'WHOLEBODY'],
    StudyDescription: { contains: StudyDescription, ignoreCase: true },
  }
}

/** Microseconds for a decision, by the size of the rule set and by which rule decides. */
async function decisions(): Promise<Part> {
  const variants = Object.fromEntries(
    [...ruleSets].flatMap(([size, ruleSet]) => {
      const cases = { early: 0, middle: size / 2, last: size - 1, none: size, 'waits for tags': 0 }
      return Object.entries(cases).map(([which, place]) => [
        `${size} rules, ${which}`,
        async () => microseconds(ruleSet, place, which === 'waits for tags'),
      ])
    }),
  )
  const title = 'decision'
  const results = await interleave(rounds, variants, progress(title, rounds))
  const numbersOf = (label: string) => results.map(result => result[label] ?? Number.NaN)
  const lines = Object.keys(variants).map((label): Line => {
    const mustBe = label.startsWith('1000 ') ? { mustBe: '< 100' } : {}
    return { label: `µs to decide, ${label}`, numbers: numbersOf(label), digits: 1, ...mustBe }
  })
  const [few, many] = ['100 rules, middle', '10000 rules, middle'].map(numbersOf)
  const ratios = few?.map((number, round) => (many?.[round] ?? Number.NaN) / number) ?? []
  lines.push({ label: '10000 rules to 100, middle', numbers: ratios, digits: 1, mustBe: '< 100' })
  return { title, measured: [], lines }
}

function microseconds(ruleSet: RuleSet, place: number, waits: boolean): number {
  const { callingAE, ...tags } = asked(place)
  const facts = association({ callingAE, calledAE: 'PACS1' })
  const dataset: DatasetFacts = waits ? 'not yet' : lookups(ruleSet, tags)
  return median(ruleSet, () => [facts, dataset])
}

function median(
  ruleSet: RuleSet,
  known: (ruleSet: RuleSet, turn: number) => [AssociationFacts, DatasetFacts],
): number {
  const numbers = Array.from({ length: 200 }, (_, turn) => {
    const [facts, dataset] = known(ruleSet, turn)
    const start = performance.now()
    decide(ruleSet, facts, dataset)
    return (performance.now() - start) * 1000
  })
  return spread(numbers).median
}

/** Microseconds for a decision that no rule takes, the dearest, by what the rules hold. */
async function othersThanValues(size: number): Promise<Part> {
  const title = 'other conditions'
  const built = Object.entries(forms).map(
    async ([form, whenOf]) => [form, await build(size, whenOf)] as const,
  )
  const variants = Object.fromEntries(
    (await Promise.all(built)).map(([form, ruleSet]) => [form, async () => median(ruleSet, differing)]),
  )
  const results = await interleave(rounds, variants, progress(title, rounds))
  const lines = Object.keys(variants).map((form): Line => {
    const numbers = results.map(result => result[form] ?? Number.NaN)
    return { label: `µs to decide, ${size} rules of ${form}`, numbers, digits: 1, mustBe: '< 100' }
  })
  return { title, measured: [], lines }
}

/** No value twice, so that nothing can be remembered of an earlier decision. */
function differing(ruleSet: RuleSet, turn: number): [AssociationFacts, DatasetFacts] {
  const facts = association({ callingAE: `CT_ROOM_${turn}`, calledAE: 'PACS1', source: `192.0.2.${turn}` })
  const dataset = lookups(ruleSet, {
    Modality: 'CT',
    BodyPartExamined: `ABDOMEN${turn}`,
    StudyDescription: `CT Abdomen with contrast, ${turn}`,
    StationName: `CT_ROOM_${turn}`,
    PatientName: `Doe^Jane ${turn}`,
    PatientAge: '042Y',
    InstanceNumber: `${-turn}`,
    StudyDate: `${20240101 + turn}`,
  })
  return [facts, dataset]
}

/** Milliseconds until rules serve, and for how long at a stretch nothing else is done meanwhile. */
async function loading(size: number): Promise<Part> {
  const title = 'loading'
  const done = progress(title, rounds)
  const took: number[] = []
  const stretches: number[] = []
  for (let round = 1; round <= rounds; round++) {
    const start = performance.now()
    let [last, longest] = [start, 0]
    const turn = () => {
      const now = performance.now()
      longest = Math.max(longest, now - last)
      last = now
    }
    const turning = setInterval(turn, 1)
    await build(size)
    clearInterval(turning)
    turn()
    took.push(last - start)
    stretches.push(longest)
    done(round)
  }
  return {
    title,
    measured: [],
    lines: [
      { label: `ms to load ${size} rules`, numbers: took, digits: 0 },
      { label: '... and at a stretch', numbers: stretches, digits: 0, mustBe: '< 250' },
    ],
  }
}
