// How things stand: the agent, what is wrong with the rule files, the rules and the pools.

import { get } from './agent.js'
import { $, code, conditionList, element } from './page.js'
import { momentOf, outcomeOf } from './words.js'

/** The rules that serve, by name. */
export let rules = new Map()

export async function refresh() {
  const [ready, told, pools] = await Promise.all([get('readyz'), get('rules'), get('pools')])
  drawReady(ready)
  drawProblems(told)
  drawRules(told)
  drawPools(pools)
}

/** Calls `draw` only when there is something new, so that nobody's place on the page is lost. */
function whenChanged(draw) {
  let before
  return told => {
    const now = JSON.stringify(told)
    if (now !== before) draw(told)
    before = now
  }
}

const drawReady = whenChanged(({ status, rules: { hash, count, loadedAt } }) => {
  $('phase').textContent = `is ${status}`
  $('serving').replaceChildren(` ${count} rules, hash `, code(hash), `, loaded ${momentOf(loadedAt)}`)
})

const drawProblems = whenChanged(({ problems, loadedAt }) => {
  $('problems').hidden = problems.length === 0
  const before = `They do not serve. Those of ${momentOf(loadedAt)} still do, until this is mended:`
  $('problems-told').textContent = problems.length === 0 ? '' : before
  $('problems-list').replaceChildren(
    ...problems.map(({ text, excerpt }) =>
      element('li', {}, text, excerpt && element('pre', { tabindex: 0 }, excerpt)),
    ),
  )
})

const drawRules = whenChanged(told => {
  const undecided = told.undecided && { name: 'undecided', when: [], ...told.undecided }
  const all = [...told.rules, ...(undecided ? [undecided] : [])]
  rules = new Map(all.map(rule => [rule.name, rule]))
  $('rules').replaceChildren(...all.map(ruleItem))
})

function ruleItem(rule) {
  const { name, description, when, hits } = rule
  const always = name === 'undecided' ? 'where the head of a dataset does not decide' : 'always'
  return element(
    'li',
    {},
    element('p', { class: 'head' }, element('strong', {}, name), element('span', {}, outcomeOf(rule))),
    description && element('p', {}, description),
    when.length === 0 ? element('p', {}, always) : conditionList(when),
    element('p', { class: 'note' }, hitsText(hits), rule.file && ` · ${rule.file}:${rule.line}`),
  )
}

const hitsText = ({ decided, waited }) =>
  `decided ${decided}${waited > 0 ? `, waited for a dataset ${waited}` : ''}`

const drawPools = whenChanged(({ heardAt, pools }) => {
  $('heard').textContent =
    heardAt === undefined
      ? 'HAProxy has not asked this agent anything yet: which nodes are up is not known here.'
      : `As HAProxy said at ${momentOf(heardAt)}, with its latest question. Its dashboard has each node.`
  $('pools').replaceChildren(...pools.map(poolItem))
})

function poolItem({ name, live, rules }) {
  const state = live === undefined ? 'not known yet' : live ? 'live' : 'no live server'
  return element(
    'li',
    { class: live === false ? 'no' : undefined },
    element(
      'p',
      { class: 'head' },
      element('strong', {}, name),
      element('span', { class: live ? 'to' : undefined }, state),
    ),
    element(
      'p',
      { class: 'note' },
      rules.length > 0 ? `from ${rules.join(', ')}` : 'where nothing else decides',
    ),
  )
}
