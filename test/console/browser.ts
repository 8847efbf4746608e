import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'

/** Headless Chromium, that of the system. */
export function startBrowser(): Promise<Browser> {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const executablePath = folders.map(folder => join(folder, 'chromium')).find(isProgram)
  if (executablePath === undefined) throw new Error('there is no chromium: `make test-setup` installs it')
  return chromium.launch({ executablePath })
}

/** Shows the console of an agent, and collects what goes wrong in the page. */
export async function openConsole(page: Page, url: string): Promise<{ errors: string[] }> {
  const errors: string[] = []
  page.on('pageerror', error => errors.push(String(error)))
  page.on('console', message => message.type() === 'error' && errors.push(message.text()))
  await page.goto(url)
  return { errors }
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
