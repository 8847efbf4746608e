// Asks the agent that this page is from.

const key = 'token'

/** The agent has answered that it will not; `message` says what to do. */
export class Refused extends Error {
  constructor(status, message) {
    super(message)
    this.status = status
  }
}

/** For this tab, until it is closed. */
export function keepToken(token) {
  sessionStorage.setItem(key, token)
}

export function hasToken() {
  return sessionStorage.getItem(key) !== null
}

export function forgetToken() {
  sessionStorage.removeItem(key)
}

/** What is there; rejects with Refused, or with the browser's own error where nobody answers. */
export async function get(path) {
  return (await request(path)).json()
}

export async function post(path, body, type) {
  const response = await request(path, {
    method: 'POST',
    body,
    ...(type && { headers: { 'content-type': type } }),
  })
  return type ? response.json() : response.text()
}

/**
 * The decisions of before and, as they come, the ones after, in lists. An EventSource could not send the token. Ends when
 * the agent does.
 */
export async function decisions() {
  const { body } = await request('decisions', { headers: { accept: 'text/event-stream' } })
  return events(body.pipeThrough(new TextDecoderStream()).getReader())
}

async function* events(reader) {
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    const lines = (rest + value).split('\n')
    rest = lines.pop()
    const data = lines.filter(line => line.startsWith('data: '))
    yield data.map(line => JSON.parse(line.slice('data: '.length)))
  }
}

async function request(path, { headers, ...options } = {}) {
  const token = sessionStorage.getItem(key)
  const authorization = token === null ? {} : { authorization: `Bearer ${token}` }
  const response = await fetch(path, {
    cache: 'no-store',
    headers: { ...headers, ...authorization },
    ...options,
  })
  // of /readyz, 503 is an answer like any other; of /-/reload, 422 tells what is wrong as text
  if (response.ok || path === 'readyz') return response
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.startsWith('application/json')
  throw new Refused(response.status, isJson ? JSON.parse(text).error : text)
}
