import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  type AssociateAc,
  decodeAbort,
  decodeAssociateAc,
  decodeAssociateRj,
  PduType,
  pduHeaderLength,
} from '../../agent/dicom/index.ts'
import { type Balancer, startBalancer } from '../support/balancer.ts'
import { waitUntil } from '../support/haproxy.ts'
import {
  associateRq,
  CT_IMAGE,
  commandOnly,
  contexts,
  datasetPdus,
  EXPLICIT,
  IMPLICIT,
  image,
  implicitDataset,
  MR_IMAGE,
  releaseRq,
  storeRq,
  VERIFICATION,
} from '../support/messages.ts'
import { associateAc, type Pacs, type Script, startPacs } from '../support/pacs.ts'
import { type Pdu, Peer } from '../support/peer.ts'
import { freePort } from '../support/ports.ts'

const { associateAc: AC, associateRj: RJ, abort: ABORT, pData: P_DATA } = PduType

/** What a PDU says, as a test compares it. */
function told({ type, bytes }: Pdu): string {
  const body = bytes.subarray(pduHeaderLength)
  if (type === RJ) return `RJ ${Object.values(decodeAssociateRj(body)).join(',')}`
  if (type === ABORT) return `ABORT ${Object.values(decodeAbort(body)).join(',')}`
  return Object.entries(PduType).find(([, number]) => number === type)?.[0] ?? `type ${type}`
}

const rules = `
rules:
  - { name: unknown caller, when: { callingAE: "DENIED*" }, reject: calling-ae-title-not-recognized }
  - { name: nowhere, when: { calledAE: NOWHERE }, route: not-in-pacs-cfg }
  - { name: down, when: { calledAE: DOWN }, route: down }
  - { name: full, when: { calledAE: FULL }, route: full }
  - { name: test patients, when: { calledAE: TAGS, PatientID: TEST }, reject: no-reason-given }
  - { name: down by tag, when: { calledAE: TAGS, Modality: DN }, route: down }
  - { name: full by tag, when: { calledAE: TAGS, Modality: FU }, route: full }
  - { name: CT, when: { calledAE: TAGS, Modality: CT }, route: good }
  - { name: direct, when: { calledAE: DIRECT }, route: good }
`

describe('refusals', () => {
  let pacs: Pacs
  let balancer: Balancer

  before(async () => {
    pacs = await startPacs()
    const { port } = pacs
    balancer = await startBalancer({
      rules,
      pools: {
        good: [{ name: 'GOOD', port }],
        full: [{ name: 'FULL', port, maxconn: 1 }],
        down: [{ name: 'DOWN', port: await freePort() }],
      },
      down: ['down/DOWN'],
      env: { ASSOCIATE_TIMEOUT: '1', DATASET_TIMEOUT: '2' },
    })
  })
  after(async () => {
    await balancer?.stop()
    await pacs?.stop()
  })

  let clients = 0
  /** Sends these bytes at once, and returns what is answered until the connection ends, and HAProxy's log line. */
  async function exchange(calledAE: string, rq: Parameters<typeof associateRq>[0], ...more: Buffer[]) {
    const callingAE = rq?.callingAE ?? `CLIENT-${++clients}`
    const peer = await Peer.connect(balancer.port)
    peer.send(associateRq({ calledAE, ...rq, callingAE }))
    const first = await peer.receive()
    peer.send(...more)
    const answers = [...(first ? [first] : []), ...(await peer.rest())].map(told)
    peer.close()
    return { answers, line: await balancer.logLine(callingAE) }
  }

  /** For clients whose A-ASSOCIATE-RQ never gets as far as the agent. */
  async function raw(bytes: Buffer): Promise<string[]> {
    const peer = await Peer.connect(balancer.port)
    peer.send(bytes)
    return (await peer.rest()).map(told)
  }

  const whole = associateRq()
  const tooLarge = Buffer.from([PduType.associateRq, 0, 0, 1, 0, 0])
  const badLength = Buffer.from(whole)
  badLength.writeUInt16BE(0xffff, 76)

  describe('before the promise', { concurrency: true }, () => {
    const cases = [
      ['no rule matches and there is no default', 'OTHER', {}, 'RJ 1,1,1', 'no-rule'],
      ['a rule says no', 'DIRECT', { callingAE: 'DENIED-1' }, 'RJ 1,1,3', 'calling-ae-title-not-recognized'],
      ['the pool has no live server', 'DOWN', {}, 'RJ 2,3,1', 'pool-down'],
      ['the rules name a pool that is not there', 'NOWHERE', {}, 'RJ 2,3,1', 'no-such-pool'],
      [
        'the protocol version is another',
        'DIRECT',
        { protocolVersion: 2 },
        'RJ 1,2,2',
        'protocol-version-not-supported',
      ],
      [
        'the application context is another',
        'DIRECT',
        { applicationContext: '1.2.3' },
        'RJ 1,1,2',
        'application-context-name-not-supported',
      ],
      [
        'the rules need the dataset, and the client wants an answer to its user identity',
        'TAGS',
        {
          userIdentity: {
            type: 1,
            positiveResponseRequested: true,
            primary: Buffer.from('u'),
            secondary: Buffer.alloc(0),
          },
        },
        'RJ 1,1,1',
        'not-delayable',
      ],
    ] as const
    for (const [when, calledAE, rq, answer, refusal] of cases) {
      test(`${when}: ${answer}`, async () => {
        const { answers, line } = await exchange(calledAE, rq)
        assert.deepEqual(answers, [answer])
        // 1 where an agent was slow at its first questions, and asked again
        assert.match(line, new RegExp(` refusal=${refusal} error=[-1] instances=-/-/-/- `))
      })
    }

    test('the pool is full: RJ 2,3,2, and room again when an association ends', async () => {
      const holder = await Peer.connect(balancer.port)
      holder.send(associateRq({ calledAE: 'FULL' }))
      assert.equal((await holder.receive())?.type, AC)
      const { answers, line } = await exchange('FULL', {})
      assert.deepEqual(answers, ['RJ 2,3,2'])
      assert.match(line, / refusal=pool-full /)
      const delayed = await exchange('TAGS', {}, storeRq(image({ modality: 'FU' })))
      assert.deepEqual(delayed.answers, ['associateAc', 'ABORT 2,0'])
      assert.match(delayed.line, / refusal=pool-full /)
      holder.send(releaseRq)
      assert.deepEqual((await holder.rest()).map(told), ['releaseRp'])
      holder.close()
      await balancer.logLine('TEST-SCU')
      const { answers: after } = await exchange('FULL', {}, releaseRq)
      assert.deepEqual(after, ['associateAc', 'releaseRp'])
    })

    test('the first bytes are no A-ASSOCIATE-RQ: A-ABORT', async () => {
      assert.deepEqual(await raw(Buffer.from('GET / HTTP/1.1\r\nHost: pacs\r\n\r\n')), ['ABORT 0,0'])
      assert.deepEqual(await raw(storeRq(image({ size: 300_000 }))), ['ABORT 0,0'])
      await balancer.logged(/ refusal=not-associate /)
    })
    test('the A-ASSOCIATE-RQ lies about its lengths: A-ABORT', async () => {
      assert.deepEqual(await raw(badLength), ['ABORT 0,0'])
      await balancer.logged(/ refusal=malformed-request /)
    })
    test('the A-ASSOCIATE-RQ ends within its fixed part, or is its header alone: A-ABORT', async () => {
      const short = [0, 1, 67, 68, 73].map(length => {
        const bytes = Buffer.from(whole.subarray(0, pduHeaderLength + length))
        bytes.writeUInt32BE(length, 2)
        return bytes
      })
      const refused = () => balancer.haproxy.log().match(/ refusal=malformed-request /g)?.length ?? 0
      const before = refused()
      for (const answers of await Promise.all(short.map(raw))) assert.deepEqual(answers, ['ABORT 0,0'])
      await waitUntil(() => refused() - before >= short.length)
    })
    test('the A-ASSOCIATE-RQ is larger than the buffer: RJ 1,3,2, also while it is being sent', async () => {
      assert.deepEqual(await raw(Buffer.concat([tooLarge, Buffer.alloc(65536)])), ['RJ 1,3,2'])
      await balancer.logged(/ refusal=request-too-large /)
    })
    test('the client goes silent before or within its A-ASSOCIATE-RQ: A-ABORT', async () => {
      assert.deepEqual(await Promise.all([raw(Buffer.alloc(0)), raw(whole.subarray(0, 100))]), [
        ['ABORT 0,0'],
        ['ABORT 0,0'],
      ])
      await balancer.logged(/ refusal=request-timeout /)
    })
  })

  describe('after the promise', { concurrency: true }, () => {
    const cases = [
      ['no rule matches and there is no default', storeRq(image({ modality: 'US' })), 'ABORT 2,0', 'no-rule'],
      ['a rule says no', storeRq(image({ patientId: 'TEST' })), 'ABORT 2,0', 'no-reason-given'],
      ['the pool has no live server', storeRq(image({ modality: 'DN' })), 'ABORT 2,0', 'pool-down'],
      ['the client goes silent', Buffer.alloc(0), 'ABORT 2,0', 'dataset-timeout'],
      [
        'the client goes silent within the dataset',
        storeRq(image()).subarray(0, 500),
        'ABORT 2,0',
        'dataset-timeout',
      ],
      ['a second A-ASSOCIATE-RQ', associateRq(), 'ABORT 2,2', 'unexpected-pdu'],
      [
        'a PDV of no length',
        Buffer.from([4, 0, 0, 0, 0, 6, 0, 0, 0, 0, 1, 3]),
        'ABORT 2,6',
        'malformed-pdata',
      ],
      ['a dataset without a command', datasetPdus(image()), 'ABORT 2,6', 'malformed-pdata'],
      ['a context that was not proposed', storeRq(image(), { contextId: 9 }), 'ABORT 2,6', 'unknown-context'],
      [
        'a context that was proposed but not promised',
        storeRq(image(), { contextId: 3 }),
        'ABORT 2,6',
        'unknown-context',
      ],
      [
        'the deciding tag lies beyond what is read, while the client goes on sending',
        storeRq(implicitDataset({ '00080008': Buffer.alloc(400_000), '00080060': 'CT' })),
        'ABORT 2,0',
        'undecided',
      ],
    ] as const
    for (const [index, [when, bytes, answer, refusal]] of cases.entries()) {
      test(`${when}: one A-ASSOCIATE-AC, then ${answer}`, async () => {
        const presentationContexts = [
          ...contexts([CT_IMAGE]),
          { id: 3, abstractSyntax: MR_IMAGE, transferSyntaxes: ['1.2.840.10008.1.2.4.90'] },
        ]
        const callingAE = `REFUSED-${index}`
        const { answers, line } = await exchange('TAGS', { presentationContexts, callingAE }, bytes)
        assert.deepEqual(answers, ['associateAc', answer])
        assert.match(line, new RegExp(` delayed .* refusal=${refusal} `))
        assert.ok(!pacs.associations.some(rq => rq.callingAE === callingAE), 'no PACS may have heard of it')
      })
    }

    test('C-ECHOs before the first dataset are answered, whole or byte by byte, and the binding stays open', async () => {
      const peer = await Peer.connect(balancer.port)
      const presentationContexts = contexts([CT_IMAGE, VERIFICATION])
      peer.send(associateRq({ calledAE: 'TAGS', callingAE: 'ECHO-SCU', presentationContexts }))
      assert.equal((await peer.receive())?.type, AC)
      peer.send(...[1, 2, 3].map(messageId => commandOnly(0x0030, { contextId: 3, messageId })))
      for (let count = 0; count < 3; count++) assert.equal((await peer.receive())?.type, P_DATA)
      await peer.sendByteByByte(commandOnly(0x0030, { contextId: 3, messageId: 4 }))
      assert.equal((await peer.receive())?.type, P_DATA)
      peer.send(storeRq(image(), { messageId: 5, sopInstance: '1.2.3.5' }))
      assert.equal((await peer.receive())?.type, P_DATA)
      assert.ok(pacs.stored.some(({ sopInstance }) => sopInstance === '1.2.3.5'))
      peer.send(releaseRq)
      assert.deepEqual((await peer.rest()).map(told), ['releaseRp'])
    })

    test('A-RELEASE before the first dataset is answered, A-ABORT ends the connection', async () => {
      const released = await exchange('TAGS', {}, releaseRq)
      assert.deepEqual(released.answers, ['associateAc', 'releaseRp'])
      assert.match(released.line, / refusal=released /)
      const aborted = await exchange('TAGS', {}, Buffer.from([ABORT, 0, 0, 0, 0, 4, 0, 0, 0, 0]))
      assert.deepEqual(aborted.answers, ['associateAc'])
      assert.match(aborted.line, / refusal=client-aborted /)
    })

    test('a query in place of a dataset has no attributes to go by', async () => {
      const find = storeRq(image(), { commandField: 0x0020, contextId: 3 })
      const presentationContexts = contexts([CT_IMAGE, '1.2.840.10008.5.1.4.1.2.2.1'])
      const { answers, line } = await exchange('TAGS', { presentationContexts }, find)
      assert.deepEqual(answers, ['associateAc', 'ABORT 2,0'])
      assert.match(line, / refusal=no-rule /)
    })
  })
})

describe('what a PACS answers to the offer', () => {
  let current: Script = async () => {}
  let pacs: Pacs
  let balancer: Balancer

  before(async () => {
    pacs = await startPacs((peer, rq) => current(peer, rq))
    balancer = await startBalancer({
      rules: 'rules: [{ name: all, when: { Modality: CT }, route: ct }]',
      pools: { ct: [{ name: 'CT', port: pacs.port }] },
      env: { SETTLE_TIMEOUT: '1' },
    })
  })
  after(async () => {
    await balancer?.stop()
    await pacs?.stop()
  })

  const answering =
    (...ac: Partial<AssociateAc>[]): Script =>
    async (peer, rq) => {
      for (const fields of ac) peer.send(associateAc(rq, fields))
      await peer.rest()
    }
  const wrong: [string, string, Script][] = [
    [
      'A-ASSOCIATE-RJ',
      'pacs-rejected',
      async peer => peer.send(Buffer.from([RJ, 0, 0, 0, 0, 4, 0, 1, 1, 7])),
    ],
    ['A-ABORT', 'pacs-aborted', async peer => peer.send(Buffer.from([ABORT, 0, 0, 0, 0, 4, 0, 0, 0, 0]))],
    ['a close', 'pacs-closed', async () => {}],
    [
      'half an A-ASSOCIATE-AC and a close',
      'pacs-closed',
      async (peer, rq) => peer.send(associateAc(rq).subarray(0, 50)),
    ],
    ['silence', 'pacs-silent', async peer => void (await peer.rest())],
    [
      'something that is not DICOM',
      'pacs-not-dicom',
      async peer => peer.send(Buffer.from('SSH-2.0-OpenSSH\r\n')),
    ],
    [
      'an A-ASSOCIATE-AC larger than the buffer',
      'pacs-answer-too-large',
      async peer => peer.send(Buffer.from([AC, 0, 0, 5, 0, 0])),
    ],
    [
      'lengths that lie',
      'pacs-mismatch',
      async (peer, rq) => {
        const ac = associateAc(rq)
        ac.writeUInt16BE(60000, 76)
        peer.send(ac)
        await peer.rest()
      },
    ],
    [
      'the context refused',
      'pacs-mismatch',
      answering({ presentationContexts: [{ id: 1, result: 3, transferSyntax: '' }] }),
    ],
    ['no context at all', 'pacs-mismatch', answering({ presentationContexts: [] })],
    [
      'another transfer syntax',
      'pacs-mismatch',
      answering({ presentationContexts: [{ id: 1, result: 0, transferSyntax: EXPLICIT }] }),
    ],
    ['a shorter maximum PDU length', 'pacs-mismatch', answering({ maxPduLength: 16383 })],
  ]
  for (const [index, [what, refusal, script]] of wrong.entries()) {
    test(`${what}: one A-ASSOCIATE-AC, then A-ABORT, while the client goes on sending`, async () => {
      let early = 0
      current = async (peer, rq) => {
        early += peer.buffered
        await script(peer, rq)
      }
      const peer = await Peer.connect(balancer.port)
      peer.send(associateRq({ callingAE: `CLIENT-${index}` }))
      const ac = await peer.receive()
      peer.send(storeRq(image({ size: 2_000_000 })))
      assert.equal(ac && told(ac), 'associateAc')
      assert.deepEqual((await peer.rest()).map(told), ['ABORT 2,0'])
      assert.match(
        await balancer.logLine(`CLIENT-${index}`),
        new RegExp(` delayed ct/CT .* refusal=${refusal} `),
      )
      assert.equal(early, 0)
    })
  }

  test('late and byte by byte, but as promised: the dataset arrives, and not before the answer', async () => {
    let early = -1
    let bytes = 0
    current = async (peer, rq) => {
      const ac = associateAc(rq, { maxPduLength: 16384 })
      await peer.sendByteByByte(ac.subarray(0, -1))
      early = peer.buffered
      peer.send(ac.subarray(-1))
      for (let pdu = await peer.receive(); pdu && bytes < 100_000; pdu = await peer.receive())
        bytes += pdu.bytes.length
    }
    const peer = await Peer.connect(balancer.port)
    peer.send(associateRq({ callingAE: 'LATE' }))
    assert.equal((await peer.receive())?.type, AC)
    peer.send(storeRq(image({ size: 200_000 })))
    assert.deepEqual(await peer.rest(), [])
    assert.equal(early, 0, 'P-DATA reached the PACS before it had accepted')
    assert.ok(bytes >= 100_000)
  })

  test('the offer proposes what was promised, and nothing else', async () => {
    const offered = Promise.withResolvers<unknown>()
    current = async (peer, rq) => {
      offered.resolve(rq.presentationContexts)
      peer.send(associateAc(rq))
      await peer.rest()
    }
    const peer = await Peer.connect(balancer.port)
    const presentationContexts = [
      { id: 1, abstractSyntax: CT_IMAGE, transferSyntaxes: ['1.2.840.10008.1.2.4.90', EXPLICIT, IMPLICIT] },
      { id: 3, abstractSyntax: MR_IMAGE, transferSyntaxes: ['1.2.840.10008.1.2.4.90'] },
      { id: 5, abstractSyntax: MR_IMAGE, transferSyntaxes: [IMPLICIT] },
    ]
    peer.send(associateRq({ callingAE: 'OFFER', presentationContexts }))
    const ac = await peer.receive()
    assert.ok(ac)
    const promised = decodeAssociateAc(ac.bytes.subarray(pduHeaderLength))
    assert.deepEqual(
      promised.presentationContexts.map(({ id, result }) => [id, result]),
      [
        [1, 0],
        [3, 4],
        [5, 0],
      ],
    )
    peer.send(storeRq(image(), { contextId: 5, sopClass: MR_IMAGE }))
    assert.deepEqual(await offered.promise, [
      { id: 1, abstractSyntax: CT_IMAGE, transferSyntaxes: [EXPLICIT] },
      { id: 5, abstractSyntax: MR_IMAGE, transferSyntaxes: [IMPLICIT] },
    ])
    peer.close()
  })
})
