import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, globSync, mkdtempSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { transferSyntaxes } from '../../agent/dicom/transfer-syntaxes.ts'
import { type Balancer, startBalancer } from '../support/balancer.ts'
import { dcmtk, type Scp, startStorescp, withoutMeta } from '../support/dcmtk.ts'
import { makeOfEachTransferSyntax } from '../support/transfer-syntaxes.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** Real images beside the samples: those of a folder next to the project, or of CORPUS. */
const corpus = process.env.CORPUS ?? join(root, '../shared/corpus')
const made = mkdtempSync(join(tmpdir(), 'fidelity-made-'))
const files = [
  ...globSync(join(root, 'dicom-samples/*.dcm')),
  ...(existsSync(corpus) ? globSync(join(corpus, '**/*.dcm')) : []),
  ...makeOfEachTransferSyntax(made),
].sort()

const rules = `
pools:
  ct: &all { transferSyntaxes: [${Object.keys(transferSyntaxes)}] }
  mr: *all
rules:
  - { name: direct, when: { callingAE: DIRECT }, route: mr }
  - { name: by tag, when: { StudyInstanceUID: "*" }, route: ct }
`

describe('what arrives is what was sent', () => {
  let folder = ''
  let balancer: Balancer
  const nodes = new Map<string, Scp>()

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fidelity-'))
    for (const name of ['straight', 'ct', 'mr']) {
      await mkdir(join(folder, name))
      nodes.set(name, await startStorescp(join(folder, name)))
    }
    const server = (name: string) => [{ name: name.toUpperCase(), port: nodes.get(name)?.port ?? 0 }]
    balancer = await startBalancer({ rules, pools: { ct: server('ct'), mr: server('mr') } })
  })
  after(async () => {
    await balancer?.stop()
    await Promise.all([...nodes.values()].map(node => node.stop()))
    await rm(folder, { recursive: true })
    await rm(made, { recursive: true })
  })

  for (const file of files) {
    test(`${basename(file)}, bit by bit, on both paths`, async () => {
      const straight = await received('straight', file, nodes.get('straight')?.port, 'STRAIGHT')
      assert.equal(await received('ct', file, balancer.port, 'DELAYED'), straight)
      assert.equal(await received('mr', file, balancer.port, 'DIRECT'), straight)
    })
  }

  /** Sends a file with dcmsend, and digests what the node then has, which it loses. */
  async function received(node: string, file: string, port = 0, callingAE = ''): Promise<string> {
    const { code, output } = await dcmtk(
      'dcmsend',
      '-aet',
      callingAE,
      '-dn',
      '-nuc',
      'localhost',
      String(port),
      file,
    )
    assert.equal(code, 0, output)
    const names = await readdir(join(folder, node))
    assert.equal(names.length, 1)
    const stored = join(folder, node, names[0] ?? '')
    const digest = createHash('sha256')
      .update(withoutMeta(await readFile(stored)))
      .digest('hex')
    await rm(stored)
    return digest
  }
})
