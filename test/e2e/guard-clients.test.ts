import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import dimse from 'dcmjs-dimse'
import { type Balancer, startBalancer } from '../support/balancer.ts'
import { sendByDcmjs } from '../support/dcmjs.ts'
import { dcmtk, type Scp, startStorescp, withoutMeta } from '../support/dcmtk.ts'
import { waitUntil } from '../support/haproxy.ts'
import { type Orthanc, startOrthanc } from '../support/orthanc.ts'

const samples = fileURLToPath(new URL('../../dicom-samples/', import.meta.url))

// One transfer syntax: dcmjs-dimse transcodes to what is accepted, and storescp alone would accept another.
const rules = `
pools:
  ct: &accepts { transferSyntaxes: [Explicit VR Little Endian] }
  mr: *accepts
rules:
  - { name: CT, when: { Modality: CT }, route: ct }
  - { name: MR, when: { Modality: MR }, route: mr }
`
const success = '0000'
const outOfResources = 'a700'

/** Sends files in this order in one association; the result is the status that the client tells for each. */
type Send = (port: number, callingAE: string, files: readonly string[]) => Promise<string[]>

/** What a node has got: the digest of each dataset by the name of its file, "CT.<SOP Instance UID>". */
type Stored = Record<string, string>

describe('CT, MR, CT, MR of two patients in one association', () => {
  const nodes = new Map<string, Scp>()
  let folder = ''
  let balancer: Balancer
  let orthanc: Orthanc
  let ct: [string, string]
  let mr: [string, string]

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'guard-clients-'))
    for (const name of ['straight', 'ct', 'mr']) {
      await mkdir(join(folder, name))
      nodes.set(name, await startStorescp(join(folder, name)))
    }
    const server = (name: string) => [{ name: name.toUpperCase(), port: portOf(name) }]
    balancer = await startBalancer({ rules, pools: { ct: server('ct'), mr: server('mr') } })
    orthanc = await startOrthanc([balancer.port, portOf('straight')])
    const head = join(samples, 'ct-head-1.dcm')
    const knee = join(folder, 'knee.dcm')
    await made('dcmdrle', join(samples, 'mr-knee-rle.dcm'), knee) // no pool has to accept RLE
    ct = [await enlarged(head, 'ct-1.dcm'), await enlarged(head, 'ct-2.dcm')]
    mr = [await enlarged(knee, 'mr-1.dcm'), await enlarged(knee, 'mr-2.dcm')]
  })
  after(async () => {
    await orthanc?.stop()
    await balancer?.stop()
    await Promise.all([...nodes.values()].map(node => node.stop()))
    await rm(folder, { recursive: true })
  })

  const portOf = (node: string): number => nodes.get(node)?.port ?? 0
  const mixed = () => [ct[0], mr[0], ct[1], mr[1]]

  /** A larger image of the same study (512 KB): more than the guard looks at, or HAProxy buffers. */
  async function enlarged(image: string, name: string): Promise<string> {
    const file = join(folder, name)
    await made('dcmscale', '--scale-x-factor', '8', image, file)
    return file
  }

  const dcmsend: Send = (port, callingAE, files) => sentByDcmtk(['dcmsend'], port, callingAE, files)
  const storescu: Send = (port, callingAE, files) =>
    sentByDcmtk(['storescu', '--no-halt'], port, callingAE, files)

  /** A permissive job goes on after a refused instance. Which ones were refused, only Orthanc's log tells. */
  const byOrthanc: Send = async (port, callingAE, files) => {
    const job = await orthanc.store(await uploaded(files), port, { LocalAet: callingAE, Permissive: true })
    const [, ...instances] = (await orthanc.logged(job)).split('Sending instance ')
    return instances.map(log => log.match(/DIMSE status 0x(\w+)/)?.[1]?.toLowerCase() ?? success)
  }

  function uploaded(files: readonly string[]): Promise<string[]> {
    return Promise.all(files.map(orthanc.upload))
  }

  for (const [name, send] of Object.entries({
    DCMSEND: dcmsend,
    STORESCU: storescu,
    ORTHANC: byOrthanc,
    DCMJS: byDcmjs,
  })) {
    test(`${name}: the CTs arrive, the MRs are refused, and arrive when sent again`, async () => {
      const straight = await sentStraight(send)
      const callingAE = `${name}-MIXED`
      const statuses = await send(balancer.port, callingAE, mixed())
      assert.deepEqual(statuses, [success, outOfResources, success, outOfResources])
      assert.deepEqual(await associations(callingAE), ['ct/CT 2/2/-/2'])
      assert.deepEqual(await taken('mr'), {})
      assert.deepEqual(await taken('ct'), only('CT', straight))

      const again = `${name}-AGAIN`
      assert.deepEqual(await send(balancer.port, again, mr), [success, success])
      assert.deepEqual(await associations(again), ['mr/MR 2/-/-/-'])
      assert.deepEqual(await taken('mr'), only('MR', straight))
      assert.deepEqual(await taken('ct'), {})
    })

    test(`${name}: sent before the CTs, the MRs arrive, and the CTs are refused`, async () => {
      const straight = await sentStraight(send)
      const callingAE = `${name}-FIRST`
      const statuses = await send(balancer.port, callingAE, [...mr, ...ct])
      assert.deepEqual(statuses, [success, success, outOfResources, outOfResources])
      assert.deepEqual(await associations(callingAE), ['mr/MR 2/2/-/2'])
      assert.deepEqual(await taken('mr'), only('MR', straight))
      assert.deepEqual(await taken('ct'), {})
    })
  }

  test('Orthanc: a job fails at what is refused, resubmitted too; one for each study succeeds', async () => {
    const straight = await sentStraight(byOrthanc)
    const store = async (files: readonly string[], callingAE: string) =>
      orthanc.store(await uploaded(files), balancer.port, { LocalAet: callingAE })

    const job = await store(mixed(), 'JOB')
    const ended = await orthanc.ended(job)
    await orthanc.resubmit(job)
    for (const { State, ErrorDetails } of [ended, await orthanc.ended(job)]) {
      assert.equal(State, 'Failure')
      assert.match(ErrorDetails ?? '', /DIMSE status 0xA700/)
    }
    assert.deepEqual(await associations('JOB', 2), ['ct/CT 1/1/-/1', 'ct/CT 1/1/-/1'])
    assert.deepEqual(await taken('mr'), {})
    assert.equal(Object.keys(await taken('ct')).length, 1)

    for (const study of [await store(ct, 'CT-JOB'), await store(mr, 'MR-JOB')])
      assert.equal((await orthanc.ended(study)).State, 'Success')
    assert.deepEqual(await taken('ct'), only('CT', straight))
    assert.deepEqual(await taken('mr'), only('MR', straight))
  })

  /** What a node gets of the four from this client without the balancer. */
  async function sentStraight(send: Send): Promise<Stored> {
    const statuses = await send(portOf('straight'), 'STRAIGHT', mixed())
    assert.deepEqual(statuses, [success, success, success, success])
    const stored = await taken('straight')
    assert.equal(Object.keys(stored).length, 4)
    return stored
  }

  /** What a node has got, which it loses. */
  async function taken(node: string): Promise<Stored> {
    const stored: Stored = {}
    for (const name of await readdir(join(folder, node))) {
      const file = join(folder, node, name)
      stored[name] = createHash('sha256')
        .update(withoutMeta(await readFile(file)))
        .digest('hex')
      await rm(file)
    }
    return stored
  }

  /** "pool/server passed/held/followed/refused" of the `count` associations from an AE title. */
  function associations(callingAE: string, count = 1): Promise<string[]> {
    return waitUntil(() => {
      const lines = balancer.haproxy
        .log()
        .matchAll(new RegExp(` delayed (\\S+) .* calling="${callingAE}" .* instances=(\\S+) `, 'g'))
      const found = [...lines].map(([, server, instances]) => `${server} ${instances}`)
      return found.length >= count ? found : undefined
    })
  }
})

function only(modality: string, stored: Stored): Stored {
  return Object.fromEntries(Object.entries(stored).filter(([name]) => name.startsWith(`${modality}.`)))
}

async function made(program: string, ...args: string[]): Promise<void> {
  const { code, output } = await dcmtk(program, ...args)
  assert.equal(code, 0, output)
}

/** With --debug, since neither the exit code, 0, nor the usual output tells that instances were refused. */
async function sentByDcmtk(
  [program, ...options]: readonly [string, ...string[]],
  port: number,
  callingAE: string,
  files: readonly string[],
): Promise<string[]> {
  const to = ['-aet', callingAE, 'localhost', String(port)]
  const { output } = await dcmtk(program, '--debug', ...options, ...to, ...files)
  return [...output.matchAll(/DIMSE Status +: 0x(\w{4})/g)].map(([, status = '']) => status)
}

async function byDcmjs(port: number, callingAE: string, files: readonly string[]): Promise<string[]> {
  const requests = files.map(file => new dimse.requests.CStoreRequest(file))
  const statuses = await sendByDcmjs(port, [callingAE, 'ANY-SCP'], requests)
  return statuses.map(status => status.toString(16).padStart(4, '0'))
}
