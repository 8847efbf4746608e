import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Balancer, startBalancer } from '../support/balancer.ts'
import { makeCertificates } from '../support/certificates.ts'
import { dcmtk, type Scp, startStorescp } from '../support/dcmtk.ts'

const sample = fileURLToPath(new URL('../../dicom-samples/ct-chest.dcm', import.meta.url))
const rules = `
rules:
  - { name: by tag, when: { callingAE: DELAYED, Modality: CT }, route: right }
  - { name: right, when: { callingAE: DIRECT }, route: right }
  - { name: forged, when: { callingAE: FORGED }, route: forged }
  - { name: misnamed, when: { callingAE: MISNAMED }, route: misnamed }
`

describe('a PACS by TLS', () => {
  const { at, authority, certificate, remove } = makeCertificates()
  const nodes: Scp[] = []
  let folder = ''
  let balancer: Balancer

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tls-pacs-'))
    authority('ca')
    authority('other-ca')
    certificate('balancer', 'ca')
    certificate('right', 'ca', 'archive.example')
    certificate('forged', 'other-ca', 'archive.example')
    certificate('misnamed', 'ca', 'stranger.example')
    const options = `ssl verify required ca-file ${at('ca.crt')} verifyhost archive.example crt ${at('balancer.pem')}`
    const pools: Record<string, { name: string; port: number; options: string }[]> = {}
    for (const name of ['right', 'forged', 'misnamed']) {
      await mkdir(join(folder, name))
      const own = ['+tls', at(`${name}.key`), at(`${name}.crt`), '+cf', at('ca.crt')]
      const node = await startStorescp(join(folder, name), ...own)
      nodes.push(node)
      pools[name] = [{ name: 'ARCHIVE', port: node.port, options }]
    }
    balancer = await startBalancer({ rules, pools, down: ['forged/ARCHIVE', 'misnamed/ARCHIVE'] })
  })
  after(async () => {
    await balancer?.stop()
    await Promise.all(nodes.map(node => node.stop()))
    await rm(folder, { recursive: true })
    remove()
  })

  const send = (callingAE: string) =>
    dcmtk('storescu', '-aet', callingAE, 'localhost', `${balancer.port}`, sample)

  for (const path of ['direct', 'delayed']) {
    test(`is found up by its health check, and takes images on the ${path} path`, async () => {
      const { code, output } = await send(path.toUpperCase())
      assert.equal(code, 0, output)
      const stored = await readdir(join(folder, 'right'))
      assert.equal(stored.length, 1)
      await rm(join(folder, 'right', stored[0] ?? ''))
      assert.match(
        await balancer.logLine(path.toUpperCase()),
        new RegExp(` ${path} right/ARCHIVE .* refusal=- `),
      )
    })
  }

  for (const [pool, whose] of [
    ['forged', 'is of another authority'],
    ['misnamed', 'has another name'],
  ] as const) {
    test(`gets nothing if its certificate ${whose}`, async () => {
      assert.notEqual((await send(pool.toUpperCase())).code, 0)
      assert.match(await balancer.logLine(pool.toUpperCase()), / refusal=pool-down /)
      assert.deepEqual(await readdir(join(folder, pool)), [])
    })
  }
})
