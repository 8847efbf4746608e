import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { attribute, decoded, dump } from '../dicom-samples/dcmtk.ts'
import { type Balancer, startBalancer } from '../support/balancer.ts'
import { type Scp, startStorescp } from '../support/dcmtk.ts'
import { IMPLICIT } from '../support/messages.ts'
import { run } from './service.ts'

const sample = (name: string) => fileURLToPath(new URL(`../../dicom-samples/${name}.dcm`, import.meta.url))

const rules = `
pools:
  everything: { transferSyntaxes: [Explicit VR Little Endian, Implicit VR Little Endian, Explicit VR Big Endian (Retired)] }
  implicit: { transferSyntaxes: [Implicit VR Little Endian] }
rules:
  - { name: CT, when: { Modality: CT }, route: everything }
  - { name: the rest, when: { Modality: "*" }, route: implicit }
`

describe('a pool that takes only Implicit VR Little Endian, beside one that takes everything', () => {
  const nodes = new Map<string, Scp>()
  let folder = ''
  let balancer: Balancer

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mixed-pools-'))
    for (const [name, accepts] of [
      ['everything', '+xa'],
      ['implicit', '+xi'],
    ] as const) {
      await mkdir(join(folder, name))
      nodes.set(name, await startStorescp(join(folder, name), accepts))
    }
    const pools = [...nodes].map(([name, { port }]) => [name, [{ name: name.toUpperCase(), port }]])
    balancer = await startBalancer({ rules, pools: Object.fromEntries(pools) })
  })
  after(async () => {
    await balancer?.stop()
    await Promise.all([...nodes.values()].map(node => node.stop()))
    await rm(folder, { recursive: true })
  })

  const cases = [
    ['ct-chest', 'everything'],
    ['ct-neck-big-endian', 'everything'],
    ['ct-chest-deflated', 'everything'],
    ['mr-brain', 'implicit'],
    ['mg-breast', 'implicit'],
  ] as const
  for (const [name, pool] of cases) {
    test(`${name} arrives at "${pool}" as it is, in a syntax that the pool takes`, async () => {
      const callingAE = name.slice(0, 16).toUpperCase()
      await run('storescu', '-aet', callingAE, 'localhost', String(balancer.port), sample(name))
      const [stored, ...others] = await readdir(join(folder, pool))
      assert.ok(stored && others.length === 0)
      const file = join(folder, pool, stored)
      // storescu has written it in the syntax that was agreed on: in one and the same, they are equal
      assert.deepEqual(decoded(file), decoded(sample(name)))
      if (pool === 'implicit') assert.equal(attribute(dump(file), 'TransferSyntaxUID'), IMPLICIT)
      assert.match(await balancer.logLine(callingAE), new RegExp(` delayed ${pool}/`))
      await rm(file)
    })
  }
})
