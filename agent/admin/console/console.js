// The console: what is on the page, and what happens when somebody does something there.

import { forgetToken, hasToken, keepToken, post, Refused } from './agent.js'
import { drawDecisions, followForEver, shownIfMatching } from './decisions.js'
import { draggedOver, dropped, explain } from './explain.js'
import { $, say, sleep } from './page.js'
import { refresh } from './status.js'

const REFRESH_MS = 2000

/** Shows how things stand, or what stands in the way. */
async function look() {
  let trouble = ''
  try {
    await refresh()
  } catch (error) {
    trouble = error instanceof Refused ? error.message : `The agent does not answer: ${error.message}`
    if (error.status === 401) {
      askForToken()
      return
    }
  }
  say('trouble', trouble)
  if (trouble === '') $('console').hidden = false
}

async function lookForEver() {
  for (;;) {
    if (!document.hidden && $('token').hidden) await look()
    await sleep(REFRESH_MS)
  }
}

function askForToken() {
  // it is already
  if (!$('token').hidden) return
  say('trouble', hasToken() ? 'That is not the token of this agent.' : '')
  forgetToken()
  $('console').hidden = true
  $('token').hidden = false
  $('token').elements.token.focus()
}

async function takeToken(event) {
  event.preventDefault()
  const { token } = $('token').elements
  keepToken(token.value)
  token.value = ''
  $('token').hidden = true
  await look()
}

async function reload() {
  try {
    say('reloaded', `Loaded: hash ${await post('-/reload')}`)
  } catch (error) {
    say('reloaded', error.status === 422 ? 'They are wrong, and do not serve.' : error.message)
  }
  await look()
}

$('dashboard').href = `http://${location.hostname}:8404/stats`
$('token').addEventListener('submit', takeToken)
$('reload').addEventListener('click', reload)
$('filter').addEventListener('input', () => [...$('decisions').children].forEach(shownIfMatching))
$('pause').addEventListener('click', ({ target }) => {
  target.ariaPressed = String(target.ariaPressed !== 'true')
  drawDecisions()
})
$('explain').addEventListener('submit', event => {
  event.preventDefault()
  explain()
})
$('file').addEventListener('change', explain)
addEventListener('dragover', draggedOver)
addEventListener('dragleave', () => $('drop').classList.remove('over'))
addEventListener('drop', dropped)

lookForEver()
followForEver()
