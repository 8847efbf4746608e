// What the agent tells, in words.

/** Why an association or an instance was refused, by what the logs call it. */
const refusals = {
  'no-rule': 'no rule matches, and there is no default',
  'not-delayable': 'the rules need the dataset, but the client wants something that only a PACS can agree to',
  'pacs-rejected': 'the pools have refused the association of this client',
  'pacs-silent': 'the pools were asked what they accept, and did not answer',
  'pool-down': 'no pool that it could go to has a live server',
  undecided: 'what the rule looks at lies beyond the head of the dataset, and there is no pool for undecided',
  'unknown-context': 'the dataset comes in a presentation context that was not agreed to',
  'context-not-accepted': 'its pool does not take this SOP class or transfer syntax',
  'other-pool': 'it belongs to another pool than the first of its association, and is to be sent again',
  'malformed-request': 'the A-ASSOCIATE-RQ is malformed',
  'malformed-dataset': 'the dataset is malformed',
  'protocol-version-not-supported': 'the client speaks another version of the protocol',
  'application-context-name-not-supported':
    'the client speaks another application context than that of DICOM',
}

/** What came of a question: a mark, and a sentence. */
export function sentenceOf(decision) {
  const { step, path, rule, backend, bound, pool, verdict, refusal, waitsFor } = decision
  const { shadowRule, shadowPool, shadowRefusal } = decision
  const by = byRule(rule)
  const later = step === 'instance' ? 'a later instance ' : ''
  if (shadowPool !== undefined || shadowRefusal !== undefined) {
    const said =
      shadowRefusal === undefined
        ? ` pool ${shadowPool}${byRule(shadowRule)}`
        : ` refused${whyRefused(shadowRefusal, shadowRule)}`
    return { mark: 'to', text: `${later}to pool ${backend ?? bound} in shadow mode; the rules say${said}` }
  }
  if (refusal !== undefined) return { mark: 'no', text: `${later}refused${whyRefused(refusal, rule)}` }
  if (path === 'delayed') {
    return { mark: 'wait', text: `waits for its first dataset, which rule “${waitsFor}” needs` }
  }
  if (verdict === 'pass') return { mark: 'to', text: `${later}passes to pool ${bound}${by}` }
  if (verdict === 'follow') {
    const others = pool === undefined ? 'refuse it' : `say pool ${pool}`
    return { mark: 'to', text: `${later}follows the first to pool ${bound}, though the rules ${others}${by}` }
  }
  const alone = path === 'direct' ? ', from its association alone' : ''
  return { mark: 'to', text: `to pool ${backend}${by}${alone}` }
}

/** Of what is not explained here, the rule itself says the reason. */
function whyRefused(refusal, rule) {
  const why = refusals[refusal]
  if (why === undefined) return `${byRule(rule)}: ${refusal}`
  return rule === undefined ? `: ${why}` : `: ${why} (rule “${rule}”)`
}

const byRule = rule => (rule === undefined ? '' : ` by rule “${rule}”`)

/** What a rule does, as /rules tells it. */
export function outcomeOf({ route, reject, mixed, stick }) {
  if (reject) return `rejects: ${reject.reason}${triedAgain(reject.transient)}`
  const { pools, weights } = route
  const share = (pool, index) => `${pool} (${weights[index]})`
  const where = weights ? pools.map(share).join(', ') : pools.join(', else ')
  const more = [stick && 'sticks', mixed !== 'refuse' && `mixed: ${mixed}`].filter(Boolean)
  return [`to ${where}`, ...more].join(', ')
}

/** Where something would go, as /explain tells it. */
export function verdictOf({ path, rule, route, pools, reject, transient, stick }) {
  const by = rule === undefined ? 'no rule matches' : `by rule “${rule}”`
  const where =
    route === undefined
      ? `Refused (${reject}${triedAgain(transient)})`
      : `To pool ${route}${pools ? ` of ${pools.join(', ')}` : ''}`
  const kept = stick ? `; all of ${stick.join(', ')} goes to the same node` : ''
  const when = path === 'direct' ? 'from its association alone' : 'when its dataset is there'
  return `${where}, ${by}, ${when}${kept}.`
}

function triedAgain(transient) {
  return transient === undefined ? '' : transient ? ', to be tried again' : ', not to be tried again'
}

const truths = { true: ['✔', 'true'], false: ['✖', 'false'], unknown: ['?', 'not known yet'] }

export const markOf = truth => truths[truth][0]
export const truthOf = truth => truths[truth][1]

const withoutValue = {
  absent: 'it is not there',
  unknown: 'the dataset is not there yet, or its head ends before',
  'not given': 'not given',
}

/** What a condition looked at, and found. */
export function foundOf(found) {
  return found
    .map(({ name, state, values = [] }) => {
      const quoted = values.map(text => `“${text}”`).join(', ')
      const value = state === 'present' ? quoted || 'empty' : withoutValue[state]
      return found.length > 1 ? `${name} ${value}` : value
    })
    .join(', ')
}

const time = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' })
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })

/** With its day if that is another. */
export function momentOf(when) {
  const date = new Date(when)
  return (date.toDateString() === new Date().toDateString() ? time : day).format(date)
}
