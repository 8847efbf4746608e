import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Balancer, startBalancer } from '../support/balancer.ts'
import { makeCertificates } from '../support/certificates.ts'
import { dcmtk } from '../support/dcmtk.ts'
import { type Pacs, startPacs } from '../support/pacs.ts'
import { freePort } from '../support/ports.ts'

const [chest = '', brain = ''] = ['ct-chest', 'mr-brain'].map(name =>
  fileURLToPath(new URL(`../../dicom-samples/${name}.dcm`, import.meta.url)),
)
const rules = `
rules:
  - { name: room 1, when: { tlsClientCN: ROOM_1 }, route: rooms, stick: tlsClientCN }
  - { name: images of room 2, when: { tlsClientCN: ROOM_2, Modality: [CT, MR] }, route: rooms }
default: others
`

describe('a client of the TLS port', () => {
  const { at, openssl, authority, certificate, remove } = makeCertificates()
  let tlsPort = 0
  let balancer: Balancer
  let rooms: Pacs
  let others: Pacs

  before(async () => {
    authority('ca')
    authority('other-ca')
    for (const name of ['balancer', 'ROOM_1', 'ROOM_2', 'STRANGER']) certificate(name, 'ca')
    certificate('FORGER', 'other-ca', 'ROOM_1')
    rooms = await startPacs()
    others = await startPacs()
    tlsPort = await freePort()
    balancer = await startBalancer({
      rules,
      pools: {
        rooms: [{ name: 'ROOMS', port: rooms.port }],
        others: [{ name: 'OTHERS', port: others.port }],
      },
      env: {
        DICOM_TLS_BIND: `127.0.0.1:${tlsPort}`,
        DICOM_TLS_CERT: at('balancer.pem'),
        DICOM_TLS_CA: at('ca.crt'),
      },
    })
  })
  after(async () => {
    await balancer?.stop()
    await rooms?.stop()
    await others?.stop()
    remove()
  })

  const by = (name: string) => ['+tls', at(`${name}.key`), at(`${name}.crt`), '+cf', at('ca.crt')]

  /** Whether all was stored, and how many instances the two pools have got of it. */
  async function send(options: readonly string[], port: number, ...files: string[]) {
    const before = [rooms.stored.length, others.stored.length]
    const { code } = await dcmtk('storescu', ...options, '127.0.0.1', `${port}`, ...files)
    const [inRooms = 0, inOthers = 0] = before
    return {
      sent: code === 0,
      rooms: rooms.stored.length - inRooms,
      others: others.stored.length - inOthers,
    }
  }

  test('goes by the name in its certificate', async () => {
    assert.deepEqual(await send(by('ROOM_1'), tlsPort, chest), { sent: true, rooms: 1, others: 0 })
    assert.deepEqual(await send(by('STRANGER'), tlsPort, chest), { sent: true, rooms: 0, others: 1 })
  })

  test('goes by that and the tags of each study that it sends', async () => {
    const both = await send(by('ROOM_2'), tlsPort, chest, brain)
    assert.deepEqual(both, { sent: true, rooms: 2, others: 0 })
  })

  test('has no name where it comes without TLS', async () => {
    assert.deepEqual(await send([], balancer.port, chest), { sent: true, rooms: 0, others: 1 })
  })

  const strangers: Record<string, () => string[]> = {
    'without a certificate': () => ['+tla', '+cf', at('ca.crt')],
    'with one of another authority': () => by('FORGER'),
    'without TLS': () => [],
  }
  for (const [how, options] of Object.entries(strangers)) {
    test(`does not get in ${how}`, async () => {
      assert.deepEqual(await send(options(), tlsPort, chest), { sent: false, rooms: 0, others: 0 })
    })
  }

  const outdated = {
    'by TLS 1.1': ['-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'],
    'with a cipher suite that has no forward secrecy': ['-tls1_2', '-cipher', 'AES256-GCM-SHA384'],
  }
  for (const [how, options] of Object.entries(outdated)) {
    test(`does not get in ${how}`, () => {
      const own = ['-cert', at('ROOM_1.crt'), '-key', at('ROOM_1.key')]
      const connect = ['s_client', '-connect', `127.0.0.1:${tlsPort}`]
      assert.throws(
        () => openssl(...connect, ...own, ...options),
        /alert (protocol version|handshake failure)/,
      )
    })
  }
})
