import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type AssociateAc, PduType } from '../../agent/dicom/index.ts'
import { type Balancer, startBalancer } from '../support/balancer.ts'
import { associate } from '../support/client.ts'
import { dcmtk, startDcmqrscp, startStorescp } from '../support/dcmtk.ts'
import { CT_IMAGE, EXPLICIT, IMPLICIT, MR_IMAGE, releaseRq, VERIFICATION } from '../support/messages.ts'
import { startOrthanc } from '../support/orthanc.ts'
import { freePort } from '../support/ports.ts'

const samples = fileURLToPath(new URL('../../dicom-samples/', import.meta.url))
const PRIVATE = '1.2.276.0.1'

/** A context for each pair, so that a PACS has nothing to choose. */
const presentationContexts = [VERIFICATION, CT_IMAGE, MR_IMAGE, PRIVATE]
  .flatMap(abstractSyntax =>
    [
      IMPLICIT,
      EXPLICIT,
      '1.2.840.10008.1.2.2',
      '1.2.840.10008.1.2.5',
      '1.2.840.10008.1.2.4.70',
      '1.2.840.10008.1.2.4.90',
    ].map(transferSyntax => ({ abstractSyntax, transferSyntaxes: [transferSyntax] })),
  )
  .map((context, index) => ({ id: 2 * index + 1, ...context }))

interface Node {
  port: number
  stop(): Promise<void>
}

const storescp =
  (...options: string[]) =>
  (folder: string) =>
    startStorescp(folder, ...options)

const pacs: Readonly<Record<string, (folder: string) => Promise<Node>>> = {
  everything: storescp(),
  'implicit-only': storescp('+xi'),
  uncompressed: storescp('+xe'),
  'lossless-jpeg': storescp('+xs', '-pdu', '32768'),
  'any-sop-class': storescp('-pm'),
  dcmqrscp: folder => startDcmqrscp(folder, {}),
  orthanc: async () => {
    const port = await freePort()
    const orthanc = await startOrthanc([], {
      DicomServerEnabled: true,
      DicomAet: 'ARCHIVE',
      DicomPort: port,
      DicomAlwaysAllowEcho: true,
      DicomAlwaysAllowStore: true,
      UnknownSopClassAccepted: true,
    })
    return { port, stop: orthanc.stop }
  },
}

describe('of each PACS, the balancer promises what that accepts itself', { timeout: 180_000 }, () => {
  const nodes = new Map<string, Node>()
  let folder = ''
  let balancer: Balancer

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'peers-'))
    for (const [name, startNode] of Object.entries(pacs)) {
      await mkdir(join(folder, name))
      nodes.set(name, await startNode(join(folder, name)))
    }
    const rules = Object.keys(pacs).map(
      name => `{ name: ${name}, when: { callingAE: ${name}, Modality: "*" }, route: ${name} }`,
    )
    balancer = await startBalancer({
      rules: `rules: [${rules.join(', ')}]`,
      pools: Object.fromEntries([...nodes].map(([name, { port }]) => [name, [{ name: 'ARCHIVE', port }]])),
    })
  })
  after(async () => {
    await balancer?.stop()
    await Promise.all([...nodes.values()].map(node => node.stop()))
    await rm(folder, { recursive: true })
  })

  for (const name of Object.keys(pacs)) {
    test(name, async () => {
      const ofPacs = await answerOf(nodes.get(name)?.port ?? 0, name)
      assert.ok(ofPacs.presentationContexts.some(({ result }) => result === 0))
      const promised = await answerOf(balancer.port, name)
      assert.deepEqual(told(promised), told(ofPacs))

      const image = join(samples, 'mr-brain.dcm')
      const port = String(balancer.port)
      const { code, output } = await dcmtk(
        'storescu',
        '-aet',
        name,
        '-aec',
        'ARCHIVE',
        '-xs',
        'localhost',
        port,
        image,
      )
      assert.equal(code, 0, output)
      assert.match(
        await balancer.logged(new RegExp(` delayed ${name}/ARCHIVE .* in=\\d{4,}`)),
        / refusal=- error=- /,
      )
    })
  }
})

/** What was answered to each context, and the maximum PDU length. */
function told({ presentationContexts: contexts, maxPduLength }: AssociateAc) {
  const results = contexts.map(({ id, result, transferSyntax }) => [
    id,
    result === 0 ? transferSyntax : result,
  ])
  return { results: Object.fromEntries(results), maxPduLength }
}

async function answerOf(port: number, callingAE: string): Promise<AssociateAc> {
  const { peer, ac } = await associate({ port }, { callingAE, calledAE: 'ARCHIVE', presentationContexts })
  assert.ok(ac)
  peer.send(releaseRq)
  assert.equal((await peer.receive())?.type, PduType.releaseRp)
  peer.close()
  return ac
}
