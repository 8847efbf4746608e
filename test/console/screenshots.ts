// `make screenshots`: the console of a balancer that gets the samples, as docs/console.md shows it.

import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { adminUrl, startBalancer } from '../support/balancer.ts'
import { dcmtk } from '../support/dcmtk.ts'
import { startPacs } from '../support/pacs.ts'
import { startBrowser } from './browser.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const images = join(root, 'docs/images')
const samples = globSync(join(root, 'dicom-samples/*.dcm')).sort()
const RULES = 'agent/rules'

// so that rules are at the place that a user knows, and can be broken
const folder = mkdtempSync(join(tmpdir(), 'screenshots-'))
cpSync(join(root, RULES), join(folder, RULES), { recursive: true })
process.chdir(folder)
mkdirSync(images, { recursive: true })

const pacs = await startPacs()
const server = (name: string) => ({ name, port: pacs.port })
const balancer = await startBalancer({
  rules: '',
  pools: { ct: [server('CT:1'), server('CT:2')], mr: [server('MR')], general: [server('GENERAL')] },
  agents: 1,
  env: { RULES },
})
const browser = await startBrowser()
try {
  for (const file of samples) {
    const callingAE = `${file.match(/([a-z]+)-[^/]*$/)?.[1]?.toUpperCase()}_ROOM`
    const options = ['-aet', callingAE, '-aec', 'DICOM_LB', '--decompress-never']
    await dcmtk('dcmsend', ...options, '127.0.0.1', String(balancer.port), file)
  }
  const [agent] = balancer.agents
  if (!agent) throw new Error('there is no agent')
  const look = { locale: 'en-GB', timezoneId: 'UTC', viewport: { width: 1280, height: 900 } }
  const page = await browser.newPage(look)
  await page.goto(await adminUrl(agent))
  await page.locator('#decisions > li').nth(10).waitFor()
  await page.locator('#decisions summary').nth(1).click()
  await page.screenshot({ path: join(images, 'console-overview.png'), fullPage: true })

  await page.getByLabel('Calling AE title').fill('CT_ROOM')
  await page.locator('#file').setInputFiles(join(root, 'dicom-samples/mr-brain.dcm'))
  await page.locator('#explanation > li').first().waitFor()
  await page
    .getByRole('region', { name: 'Where would it go?' })
    .screenshot({ path: join(images, 'console-explain.png') })

  const file = join(folder, RULES, '10-modality.yaml')
  writeFileSync(file, readFileSync(file, 'utf8').replace('Modality: MR', 'Modalty: MR'))
  await page.emulateMedia({ colorScheme: 'dark' })
  await page.setViewportSize({ width: 1000, height: 620 })
  const problems = page.getByRole('region', { name: 'The rule files are wrong' })
  await problems.waitFor()
  await page.screenshot({ path: join(images, 'console-wrong-rule.png') })

  await page.emulateMedia({ colorScheme: 'light' })
  await page.setViewportSize({ width: 360, height: 740 })
  cpSync(join(root, RULES), join(folder, RULES), { recursive: true })
  await problems.waitFor({ state: 'hidden' })
  await page.getByRole('region', { name: 'Decisions' }).scrollIntoViewIfNeeded()
  await page.screenshot({ path: join(images, 'console-phone.png') })
} finally {
  await browser.close()
  await balancer.stop()
  await pacs.stop()
  process.chdir(root)
  rmSync(folder, { recursive: true })
}
