import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import axe from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { adminUrl, type Balancer, startBalancer } from '../support/balancer.ts'
import { dcmtk } from '../support/dcmtk.ts'
import { type Pacs, startPacs } from '../support/pacs.ts'
import { openConsole, startBrowser } from './browser.ts'

const sample = (name: string) => fileURLToPath(new URL(`../../dicom-samples/${name}.dcm`, import.meta.url))

const rules = `rules:
  - { name: <b>strangers</b>, when: { callingAE: "EVIL*" }, reject: calling-ae-title-not-recognized }
  - { name: CT, description: both scanners, when: { Modality: CT }, route: ct, stick: PatientID }
  - { name: MR, when: { Modality: MR }, route: mr }
`
const token = 'a token of the site'

describe('the console', { timeout: 120_000 }, () => {
  let pacs: Pacs
  let balancer: Balancer
  let browser: Browser
  let page: Page
  let errors: string[]

  before(async () => {
    pacs = await startPacs()
    const server = [{ name: 'PACS', port: pacs.port }]
    const env = { ADMIN_TOKEN: token }
    balancer = await startBalancer({ rules, pools: { ct: server }, agents: 1, env })
    browser = await startBrowser()
  })
  after(async () => {
    await browser?.close()
    await balancer?.stop()
    await pacs?.stop()
  })

  beforeEach(async () => {
    page = await (await browser.newContext()).newPage()
    page.setDefaultTimeout(20_000)
    const [agent] = balancer.agents
    assert.ok(agent)
    const opened = await openConsole(page, await adminUrl(agent))
    errors = opened.errors
  })
  afterEach(() => page.context().close())

  const rulesFile = () => join(balancer.rulesFolder, 'rules.yaml')
  const region = (name: string) => page.getByRole('region', { name })
  const appears = (name: string, text: string | RegExp) => region(name).getByText(text).first().waitFor()

  async function signIn(): Promise<void> {
    await page.getByLabel('Token').fill(token)
    await page.getByRole('button', { name: 'Show' }).click()
    await region('Rules').waitFor()
    // the browser's own word for the 401 that asked for the token
    errors.splice(0)
  }

  function send(callingAE: string, file: string) {
    return dcmtk('storescu', '-aet', callingAE, '127.0.0.1', String(balancer.port), sample(file))
  }

  async function violations(): Promise<string[]> {
    // not a script of the page, which would not be let in
    await page.evaluate(axe.source)
    const results = (await page.evaluate('axe.run()')) as axe.AxeResults
    return results.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(', ')}`)
  }

  test('shows nothing without the token, says so of a wrong one, and keeps the right one for this tab', async () => {
    await page.getByRole('heading', { name: 'The token' }).waitFor()
    assert.equal(await region('Rules').count(), 0)
    assert.deepEqual(await violations(), [])
    await page.getByLabel('Token').fill('another token')
    await page.getByRole('button', { name: 'Show' }).click()
    await page.getByText('That is not the token of this agent.').waitFor()
    await signIn()
    await page.reload()
    await region('Rules').waitFor()
    assert.equal(await page.getByLabel('Token').isVisible(), false)
    assert.deepEqual(errors, [])
    const tab = await page.context().newPage()
    await openConsole(tab, page.url())
    await tab.getByRole('heading', { name: 'The token' }).waitFor()
  })

  test('shows a decision as it is made, why, and how often its rule has decided', async () => {
    await signIn()
    assert.equal((await send('SCANNER', 'ct-head-1')).code, 0)
    await appears('Decisions', 'SCANNER → ANY-SCP')
    await appears('Decisions', 'waits for its first dataset, which rule “CT” needs')
    const bound = region('Decisions').getByText('to pool ct by rule “CT”')
    await bound.click()
    await appears('Decisions', /\d+ bytes of it were looked at\./)
    await appears('Decisions', 'Modality: CT')
    await appears('Decisions', 'The rules before it did not match: <b>strangers</b>.')
    await appears('Rules', /^decided 1, waited for a dataset \d/)
    await region('Pools').getByText('live', { exact: true }).waitFor()
    // of mr, which HAProxy does not have
    assert.equal(await region('Pools').getByText('no live server').count(), 1)
    assert.deepEqual(errors, [])
  })

  test('shows the names of rules as text, whatever they hold', async () => {
    await signIn()
    await send('EVIL', 'ct-head-1')
    const why = 'refused by rule “<b>strangers</b>”: calling-ae-title-not-recognized'
    await appears('Decisions', why)
    assert.equal(await page.locator('b').count(), 0)
  })

  test('goes on with the decisions before when it is opened anew, and filters and pauses them', async () => {
    await send('EVIL', 'ct-head-1')
    await signIn()
    await appears('Decisions', 'EVIL → ANY-SCP')
    await page.getByRole('button', { name: 'Pause' }).click()
    const strangers = region('Rules').getByRole('listitem').filter({ hasText: 'strangers' })
    const decided = Number((await strangers.textContent())?.match(/decided (\d+)/)?.[1])
    await send('EVIL_LATER', 'ct-head-1')
    await strangers.getByText(`decided ${decided + 1}`).waitFor()
    assert.equal(await region('Decisions').getByText('EVIL_LATER → ANY-SCP').count(), 0)
    await page.getByRole('button', { name: 'Pause' }).click()
    await appears('Decisions', 'EVIL_LATER → ANY-SCP')
    await page.getByLabel('Show those with').fill('later')
    assert.equal(await region('Decisions').getByText('EVIL → ANY-SCP').first().isVisible(), false)
    assert.equal(await region('Decisions').getByText('EVIL_LATER → ANY-SCP').isVisible(), true)
  })

  test('tells where a file would go that is dropped on it, and why; nobody else sees that', async () => {
    await signIn()
    await page.getByLabel('Calling AE title').fill('CT_1')
    const bytes = readFileSync(sample('ct-head-1')).toString('base64')
    const data = await page.evaluateHandle(`(() => {
      const bytes = Uint8Array.from(atob('${bytes}'), c => c.charCodeAt(0))
      const data = new DataTransfer()
      data.items.add(new File([bytes], 'dropped.dcm'))
      return data
    })()`)
    await page.dispatchEvent('main', 'drop', { dataTransfer: data })
    await appears(
      'Where would it go?',
      /^dropped.dcm: To pool ct, by rule “CT”, when its dataset is there; all of \S+/,
    )
    const told = (await region('Where would it go?').locator('#explanation > li').allInnerTexts()).join('\n')
    assert.match(told, /✖ <b>strangers<\/b>\s+false\s+callingAE: EVIL\* — false: “CT_1”/)
    assert.match(told, /✔ CT\s+true\s+Modality: CT — true: “CT”/)
    assert.deepEqual(await violations(), [])
    // the file is asked about again when a sender is filled in
    await page.getByLabel('Calling AE title').fill('EVIL')
    await page.getByRole('button', { name: 'Explain' }).click()
    await appears('Where would it go?', /^dropped.dcm: Refused \(calling-ae-title-not-recognized\)/)
    assert.equal(await region('Decisions').getByText('CT_1').count(), 0)
    assert.deepEqual(errors, [])
  })

  test('says of a file that is chosen and is none what is wrong with it', async () => {
    await signIn()
    await page.getByLabel('Drop a DICOM file here, or choose one').setInputFiles({
      name: 'notes.txt',
      mimeType: 'text/plain',
      buffer: Buffer.from('Modality: CT'),
    })
    await appears('Where would it go?', /^notes.txt: .* not a DICOM file/)
  })

  test('explains a wrong rule with its line and a caret under the place, until it is mended', async () => {
    await signIn()
    const hash = await page.locator('#serving code').textContent()
    const wrong = `${rules}  - name: US\n    when:\n      Modalty: US\n    route: us\n`
    writeFileSync(rulesFile(), wrong)
    const problems = region('The rule files are wrong')
    await problems.getByText('rules.yaml:7:7: rule "US": "Modalty" is not a DICOM keyword').waitFor()
    assert.equal(await problems.locator('pre').textContent(), '    7 |       Modalty: US\n      |       ^')
    assert.equal(await page.locator('#serving code').textContent(), hash)
    assert.deepEqual(await violations(), [])
    await page.getByRole('button', { name: 'Load the rule files now' }).click()
    await appears('Rules', 'They are wrong, and do not serve.')
    writeFileSync(rulesFile(), wrong.replace('Modalty', 'Modality'))
    await problems.waitFor({ state: 'hidden' })
    await appears('Rules', 'US')
    assert.notEqual(await page.locator('#serving code').textContent(), hash)
    writeFileSync(rulesFile(), rules)
  })

  for (const colorScheme of ['light', 'dark'] as const) {
    test(`has nothing that axe finds wrong, and fits a telephone, when it is ${colorScheme}`, async () => {
      await page.emulateMedia({ colorScheme })
      await page.setViewportSize({ width: 360, height: 740 })
      await send('EVIL', 'ct-head-1')
      await signIn()
      await appears('Decisions', 'EVIL → ANY-SCP')
      assert.deepEqual(await violations(), [])
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 360)
    })
  }

  test('can be used by keyboard alone', async () => {
    await send('EVIL', 'ct-head-1')
    await page.getByRole('heading', { name: 'The token' }).waitFor()
    await page.keyboard.type(token)
    await page.keyboard.press('Enter')
    await appears('Decisions', 'EVIL → ANY-SCP')
    const reached: unknown[] = []
    for (let presses = 0; presses < 8; presses++) {
      await page.keyboard.press('Tab')
      reached.push(await page.evaluate('document.activeElement.name || document.activeElement.textContent'))
    }
    const explain = ['file', 'callingAE', 'calledAE', 'source', 'Explain']
    assert.deepEqual(reached, [...explain, 'Load the rule files now', 'filter', 'Pause'])
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await appears('Decisions', 'HAProxy asked about an A-ASSOCIATE-RQ.')
  })

  test('says that the agent does not answer, and comes back with it', async () => {
    await signIn()
    await page.route(/\/(readyz|rules|pools)$/, route => route.abort())
    await page.getByText(/^The agent does not answer/).waitFor()
    await page.unroute(/\/(readyz|rules|pools)$/)
    await page.getByText(/^The agent does not answer/).waitFor({ state: 'hidden' })
  })

  test('loads nothing from elsewhere, and lets nothing in', async () => {
    const asked: string[] = []
    page.on('request', request => asked.push(new URL(request.url()).origin))
    await page.reload()
    await signIn()
    const { origin } = new URL(page.url())
    assert.deepEqual([...new Set(asked)], [origin])
    const response = await page.request.get(origin)
    assert.match(
      response.headers()['content-security-policy'] ?? '',
      /^default-src 'none'; script-src 'self';/,
    )
    await page.evaluate(
      `document.head.append(Object.assign(document.createElement('style'), { textContent: 'a {}' }))`,
    )
    assert.match(errors.join(), /Content Security Policy/)
  })
})
