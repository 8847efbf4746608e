import assert from 'node:assert/strict'
import { decodeAssociateRq, encodePData, PduType, pduHeaderLength } from '../../agent/dicom/index.ts'
import { associateRq, commandOnly, image, releaseRq, storeRq } from '../support/messages.ts'
import { associateAc } from '../support/pacs.ts'
import { type Pdu, Peer } from '../support/peer.ts'
import { digestOf } from '../support/steady-load.ts'
import { comesToRest, forget, hearsAll, inTurn, type Site } from './hostile-site.ts'

const own = image({ study: '1.2.21' })
const store = storeRq(own, { fragment: 400 })
const command = store.subarray(0, pduHeaderLength + store.readUInt32BE(2))
const elsewhere = storeRq(image({ modality: 'MR', study: '1.2.22' }), { fragment: 400 })

/** How far an association is: what the client sends, and how many PDUs it waits for before it sends the next. */
const moments: Readonly<Record<string, readonly (readonly [Buffer, number])[]>> = {
  'before it asks': [],
  'within its A-ASSOCIATE-RQ': [[associateRq({ calledAE: 'TAGS' }).subarray(0, 90), 0]],
  'behind an A-ASSOCIATE-RQ that is not answered yet': [[associateRq({ calledAE: 'TAGS' }), 0]],
  'before its first dataset': [[associateRq({ calledAE: 'TAGS' }), 1]],
  'behind a command': [
    [associateRq({ calledAE: 'TAGS' }), 1],
    [command, 0],
  ],
  'within its first dataset': [
    [associateRq({ calledAE: 'TAGS' }), 1],
    [store.subarray(0, command.length + 420), 0],
  ],
  'behind its first dataset': [
    [associateRq({ calledAE: 'TAGS' }), 1],
    [store, 1],
  ],
  'within a later one, which is held': [
    [associateRq({ calledAE: 'TAGS' }), 1],
    [store, 1],
    [elsewhere.subarray(0, -420), 0],
  ],
  'behind one that belongs elsewhere': [
    [associateRq({ calledAE: 'TAGS' }), 1],
    [store, 1],
    [elsewhere, 1],
  ],
  'on the direct path': [[associateRq({ calledAE: 'DIRECT' }), 1]],
  'within a dataset on the direct path': [
    [associateRq({ calledAE: 'DIRECT' }), 1],
    [store.subarray(0, command.length + 420), 0],
  ],
  'when it has asked for the release': [
    [associateRq({ calledAE: 'TAGS' }), 1],
    [store, 1],
    [releaseRq, 0],
  ],
}

const short = (type: number, ...body: number[]) => Buffer.from([type, 0, 0, 0, 0, body.length, ...body])

/** One of each type, and of two that there are not. */
const wholePdus: Readonly<Record<string, Buffer>> = {
  'A-ASSOCIATE-RQ': associateRq(),
  'A-ASSOCIATE-AC': associateAc(decodeAssociateRq(associateRq().subarray(pduHeaderLength))),
  'A-ASSOCIATE-RJ': short(PduType.associateRj, 0, 1, 1, 1),
  'P-DATA-TF': commandOnly(0x0030),
  'P-DATA-TF of a dataset': encodePData([
    { contextId: 1, command: false, last: true, data: Buffer.alloc(8) },
  ]),
  'A-RELEASE-RQ': releaseRq,
  'A-RELEASE-RP': short(PduType.releaseRp, 0, 0, 0, 0),
  'A-ABORT': short(PduType.abort, 0, 0, 0, 0),
  'type 0': short(0, 0, 0, 0, 0),
  'type 255': short(0xff, 0, 0, 0, 0),
}

/** The same whole, cut off, of no length, of less and of more than is there. */
const forms: Readonly<Record<string, (pdu: Buffer) => Buffer>> = {
  whole: pdu => pdu,
  'without its end': pdu => pdu.subarray(0, -1),
  'its type alone': pdu => pdu.subarray(0, 1),
  'its header alone': pdu => pdu.subarray(0, pduHeaderLength),
  'of no length': pdu => withLength(pdu, 0),
  'of less than it has': pdu => withLength(pdu, pdu.length - pduHeaderLength - 1),
  'of a byte': pdu => withLength(pdu.subarray(0, pduHeaderLength + 1), 1),
  'of 4 GB': pdu => withLength(pdu, 0xffffffff),
  'of 2 GB': pdu => withLength(pdu, 0x7fffffff),
  'larger than all buffers': pdu => withLength(Buffer.concat([pdu, Buffer.alloc(600_000)]), 600_000),
}

function withLength(pdu: Buffer, length: number): Buffer {
  const changed = Buffer.from(pdu)
  changed.writeUInt32BE(length, 2)
  return changed
}

/** What HAProxy itself answers, with the source and the reason of its A-ABORT (PS3.8 §9.2.2, AA-1 and AA-8). */
function expected(moment: string, what: string, form: string): string | undefined {
  if (moment === 'before it asks' && what !== 'A-ASSOCIATE-RQ') return '0,0'
  const isUnexpected = !/P-DATA|RELEASE-RQ|ABORT/.test(what) && form !== 'its type alone'
  return moment === 'before its first dataset' && isUnexpected ? '2,2' : undefined
}

/**
 * Every type of PDU in every state, whole and in each of the ways to be wrong. Each association must come to its end, with an
 * A-ABORT where PS3.8 wants one, and nothing behind it; and on the delayed path, PACS nodes have what they were to get.
 */
export async function wrongMoments(site: Site): Promise<number> {
  const cases = Object.keys(moments).flatMap(moment =>
    Object.keys(wholePdus).flatMap(what => Object.keys(forms).map(form => ({ moment, what, form }))),
  )
  await inTurn(cases, async ({ moment, what, form }) => {
    const name = `${what}, ${form}, ${moment}`
    const peer = await Peer.connect(site.balancer.port)
    for (const [bytes, answers] of moments[moment] ?? []) {
      peer.send(bytes)
      for (let count = 0; count < answers; count++) assert.ok(await peer.receive(), name)
    }
    const wrong = forms[form]?.(wholePdus[what] ?? Buffer.alloc(0)) ?? Buffer.alloc(0)
    const answers = await hearsAll(peer, wrong, name)
    const aborts = answers.map(aborted)
    assert.ok(
      aborts.every((abort, index) => abort === undefined || index === aborts.length - 1),
      `${name}: a PDU behind an A-ABORT`,
    )
    const abort = expected(moment, what, form)
    if (abort !== undefined) assert.deepEqual(aborts, [abort], name)
  })
  await comesToRest(site)
  const delayed = site.ct.stored.filter(({ rq }) => rq.calledAE === 'TAGS')
  assert.deepEqual([...new Set(delayed.map(({ digest }) => digest))], [digestOf(own)])
  assert.deepEqual(site.mr.stored, [])
  forget(site)
  return cases.length
}

function aborted({ type, bytes }: Pdu): string | undefined {
  return type === PduType.abort ? [...bytes.subarray(-2)].join() : undefined
}
