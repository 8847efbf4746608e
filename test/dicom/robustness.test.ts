import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  decodeAbort,
  decodeAssociateAc,
  decodeAssociateRj,
  decodeAssociateRq,
  decodeCommandSet,
  decodePData,
  decodeRelease,
  readMessageHead,
} from '../../agent/dicom/index.ts'
import { captures, decodesOrRefuses, fixture, mutations, pDataOf, pdusOf, prefixes } from './support.ts'

const decoders: Record<number, (body: Buffer) => unknown> = {
  1: decodeAssociateRq,
  2: decodeAssociateAc,
  3: decodeAssociateRj,
  4: decodePData,
  5: decodeRelease,
  6: decodeRelease,
  7: decodeAbort,
}

describe('every prefix and every change of one byte decodes or is refused with a typed error', () => {
  for (const name of captures()) {
    test(`PDUs of ${name}`, () => {
      for (const { type, body } of pdusOf(fixture(name))) {
        const decode = decoders[type]
        assert.ok(decode, `PDU type ${type}`)
        assert.equal(
          decodesOrRefuses(() => decode(body)),
          'decoded',
          `type ${type}`,
        )
        let refused = 0
        for (const prefix of prefixes(body))
          if (decodesOrRefuses(() => decode(prefix)) === 'refused') refused++
        assert.ok(refused > 0, 'prefixes are refused')
        for (const mutated of mutations(body)) decodesOrRefuses(() => decode(mutated))
      }
    })
  }

  for (const name of ['storescu.client.bin', 'echoscu.client.bin', 'storescu.server.bin']) {
    test(`message head of ${name}`, () => {
      const stream = pDataOf(fixture(name))
      for (const prefix of prefixes(stream)) decodesOrRefuses(() => readMessageHead(prefix))
      for (const mutated of mutations(stream)) decodesOrRefuses(() => readMessageHead(mutated))
    })

    test(`command set of ${name}`, () => {
      const [command] = decodePData(
        pdusOf(fixture(name)).find(({ type }) => type === 4)?.body ?? Buffer.alloc(0),
      )
      assert.ok(command)
      for (const prefix of prefixes(command.data)) decodesOrRefuses(() => decodeCommandSet(prefix))
      for (const mutated of mutations(command.data)) decodesOrRefuses(() => decodeCommandSet(mutated))
    })
  }
})
