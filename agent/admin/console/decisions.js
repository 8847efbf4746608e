// Decisions as they come, by association.

import { decisions } from './agent.js'
import { $, conditionList, element, say, sleep } from './page.js'
import { rules } from './status.js'
import { momentOf, outcomeOf, sentenceOf } from './words.js'

/** How many associations the page keeps: as many as the agent does decisions. */
const KEPT = 200
/** Decisions that are kept of one. */
const KEPT_OF_ONE = 10
/** Names that are listed before others are only counted. */
const LISTED = 5
const AGAIN_MS = 1000

let waiting = []
let anew = false

export async function followForEver() {
  for (; ; await sleep(AGAIN_MS)) {
    // the token is asked for
    if ($('console').hidden) continue
    try {
      const stream = await decisions()
      say('stream-trouble', '')
      // the agent begins with those that it has kept
      waiting = []
      anew = true
      drawDecisions()
      for await (const told of stream) {
        waiting = [...waiting, ...told].slice(-KEPT)
        drawDecisions()
      }
    } catch (error) {
      say('stream-trouble', `No decisions: ${error.message}`)
    }
  }
}

export function drawDecisions() {
  if ($('pause').ariaPressed === 'true') return
  const list = $('decisions')
  if (anew) list.replaceChildren()
  anew = false
  waiting.forEach(drawDecision)
  waiting = []
  while (list.children.length > KEPT) list.lastChild.remove()
  $('no-decisions').hidden = list.children.length > 0
}

/** Beside what was decided of the same association before. */
function drawDecision(decision) {
  const list = $('decisions')
  const known = list.querySelector(`[data-id="${CSS.escape(decision.id ?? '')}"]`)
  const item = known ?? associationItem(decision)
  item.append(stepOf(decision))
  // an association may have thousands: the first tells most
  const steps = item.querySelectorAll('details')
  if (steps.length > KEPT_OF_ONE) steps[1].remove()
  list.prepend(shownIfMatching(item))
}

function associationItem({ id, calling, called, source }) {
  // the first step may have been another agent's
  const titles = calling === undefined ? '' : `${calling || 'no AE title'} → ${called || 'no AE title'}`
  return element(
    'li',
    { 'data-id': id },
    element('p', {}, element('strong', {}, titles), ` from ${source}`),
    element('p', { class: 'note' }, id ?? ''),
  )
}

function stepOf(decision) {
  const { mark, text } = sentenceOf(decision)
  const details = element(
    'details',
    {},
    element(
      'summary',
      {},
      element('time', {}, momentOf(decision.time)),
      ' ',
      element('span', { class: mark }, text),
    ),
  )
  // the rule as it is when somebody looks
  details.addEventListener('toggle', () => details.append(...whyOf(decision)), { once: true })
  return details
}

const asked = {
  associate: 'HAProxy asked about an A-ASSOCIATE-RQ.',
  dataset: 'HAProxy asked about the first dataset of a delayed association.',
  instance: 'HAProxy asked about a later instance, which the guard held.',
}

function whyOf({ step, rule, shadowRule, waitsFor, detail, headBytes }) {
  const what = [asked[step], detail && `${detail}.`, headBytes && `${headBytes} bytes of it were looked at.`]
  const known = rules.get(shadowRule ?? rule ?? waitsFor)
  return [element('p', {}, what.filter(Boolean).join(' ')), ...(known ? ruleLines(known) : [])]
}

function ruleLines(rule) {
  const { name, when, file } = rule
  const names = [...rules.keys()]
  // where a head does not decide, some rule is left
  const before = file === undefined ? [] : names.slice(0, names.indexOf(name))
  const none = before.length > 0 ? `The rules before it did not match: ${listOf(before)}.` : ''
  const matches = when.length > 0 ? 'matches if' : 'matches always.'
  return [
    element('p', {}, `Rule “${name}”, ${outcomeOf(rule)}, ${matches}`),
    ...(when.length > 0 ? [conditionList(when)] : []),
    element('p', {}, none),
  ]
}

function listOf(names) {
  const [first, others] = [names.slice(0, LISTED).join(', '), names.length - LISTED]
  return others > 0 ? `${first} and ${others} more` : first
}

export function shownIfMatching(item) {
  const wanted = $('filter').value.trim().toLowerCase()
  item.hidden = !item.textContent.toLowerCase().includes(wanted)
  return item
}
