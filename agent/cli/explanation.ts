import type { ExplainedCondition, ExplainedRule, Explanation, Found } from '../routing/explain.ts'
import type { Verdict } from '../routing/verdict.ts'
import { paint } from './paint.ts'

const words = { true: 'true', false: 'false', unknown: 'not known yet' } as const

/** `delayed, rule "CT", route ct, stick NGH-1001`: in one line. */
export function summaryOf({ path, rule, route, pools, reject, transient, stick }: Verdict): string {
  const parts = [
    path,
    rule === undefined ? 'no rule' : `rule ${JSON.stringify(rule)}`,
    route === undefined ? `reject ${reject}` : `route ${route}${pools ? ` of ${pools.join(', ')}` : ''}`,
    ...(transient === undefined ? [] : [transient ? 'transient' : 'permanent']),
    ...(stick ? [`stick ${stick.join('\\')}`] : []),
  ]
  return parts.join(', ')
}

/** Every rule up to the one that decides, with its conditions and what they found. */
export function linesOf({ rules, waitedFor }: Explanation): string[] {
  const waited = `  the association alone does not tell whether rule ${JSON.stringify(waitedFor)} matches; its first dataset does:`
  return [...(waitedFor === undefined ? [] : [paint('dim', waited)]), ...rules.flatMap(ruleLines)]
}

function ruleLines({ rule, file, line, truth, conditions }: ExplainedRule): string[] {
  const head = `  ${truthMark(truth)} rule ${JSON.stringify(rule)}  ${paint('dim', `${file}:${line}`)}`
  if (conditions.length === 0) return [`${head}  always true`]
  return [head, ...conditions.map(conditionLine)]
}

function conditionLine({ text, truth, found }: ExplainedCondition): string {
  const what = found.map(one => foundText(one, found.length > 1)).join(', ')
  return `      ${text}  ${colouredTruth(truth)}${what ? `: ${what}` : ''}`
}

function foundText({ name, state, values = [] }: Found, named: boolean): string {
  const quoted = values.map(text => JSON.stringify(text)).join(', ')
  const value = state === 'present' ? quoted || 'empty' : withoutValue[state]
  return named ? `${name} ${value}` : value
}

const withoutValue = {
  absent: 'it is not there',
  unknown: 'the dataset is not there yet, or its head ends before',
  'not given': 'not given',
} as const

function truthMark(truth: ExplainedRule['truth']): string {
  return { true: paint('green', '✔'), false: paint('dim', '✖'), unknown: paint('yellow', '?') }[`${truth}`]
}

function colouredTruth(truth: ExplainedCondition['truth']): string {
  const colour = { true: 'green', false: 'red', unknown: 'yellow' } as const
  return paint(colour[`${truth}`], words[`${truth}`])
}
