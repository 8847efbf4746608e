// Where a file would go.

import { post } from './agent.js'
import { $, code, element } from './page.js'
import { foundOf, markOf, truthOf, verdictOf } from './words.js'

let explained = 0

export async function explain() {
  const mine = ++explained
  const { file, ...sender } = Object.fromEntries(new FormData($('explain')))
  if (!file.name) {
    $('verdict').textContent = 'Choose a DICOM file first.'
    return
  }
  const query = new URLSearchParams(Object.entries(sender).filter(([, value]) => value.trim() !== ''))
  $('explanation').replaceChildren()
  const told = await post(`explain?${query}`, file, 'application/dicom').catch(error => error)
  // the answer about another file, or sender, is on its way
  if (mine !== explained) return
  $('verdict').textContent = `${file.name}: ${told.rules ? verdictOf(told) : told.message}`
  $('explanation').replaceChildren(...(told.rules ?? []).map(explainedItem))
}

const classOf = { true: 'to', unknown: 'wait' }

function explainedItem({ rule, file, line, truth, conditions }) {
  return element(
    'li',
    {},
    element(
      'p',
      { class: 'head' },
      element('strong', { class: classOf[truth] }, `${markOf(truth)} ${rule}`),
      element('span', {}, conditions.length === 0 ? 'always true' : truthOf(truth)),
    ),
    element('ul', { class: 'conditions' }, ...conditions.map(conditionItem)),
    element('p', { class: 'note' }, `${file}:${line}`),
  )
}

function conditionItem({ text, truth, found }) {
  const what = foundOf(found)
  return element('li', {}, code(text), ` — ${truthOf(truth)}${what ? `: ${what}` : ''}`)
}

/** Not of text, which may be meant for a field. */
const isOfFiles = ({ dataTransfer }) => dataTransfer.types.includes('Files')

/** Anywhere on the page: else the browser would leave it, and open the file. */
export function draggedOver(event) {
  if (!isOfFiles(event)) return
  event.preventDefault()
  $('drop').classList.add('over')
}

export function dropped(event) {
  $('drop').classList.remove('over')
  if (!isOfFiles(event)) return
  event.preventDefault()
  $('file').files = event.dataTransfer.files
  explain()
}
