// What the parts of the page share. Texts become text nodes, never markup.

export const $ = id => document.getElementById(id)
export const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))

/** A new element: its attributes, and what is in it. */
export function element(name, attributes = {}, ...content) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined) made.setAttribute(key, value)
  }
  made.append(...content.filter(part => part !== undefined))
  return made
}

export const code = text => element('code', {}, text)

/** The conditions of a rule. */
export const conditionList = conditions =>
  element('ul', { class: 'conditions' }, ...conditions.map(text => element('li', {}, code(text))))

/** Screen readers read a text each time that it is set. */
export function say(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text
}
