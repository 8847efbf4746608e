import { type CommandSet, decodeCommandSet } from './command-set.ts'
import { DicomError } from './errors.ts'
import { checkPdvLength, decodePdv, type Pdv, pdvOverhead } from './p-data.ts'
import { PduType, pduHeaderLength } from './pdu.ts'
import { Reader } from './reader.ts'

/** The beginning of the first message of an association. */
export interface MessageHead {
  contextId: number
  command: CommandSet
  /** What has arrived of the dataset; empty where the command has none. */
  dataset: Buffer
  /** The dataset is whole: its last fragment has been seen to its end, or the command has no dataset. */
  complete: boolean
}

/**
 * Reads the first message from P-DATA-TF PDUs as they came: several PDVs in a PDU, fragments of any size, the
 * last PDU cut anywhere. What follows the message is not looked at. Fails with `truncated` as long as even the
 * command set is not whole, and with another code where the bytes are not P-DATA, or fragments come in an order
 * that PS3.7 §6.3.1 and PS3.8 Annex E do not allow.
 */
export function readMessageHead(bytes: Buffer): MessageHead {
  const commandFragments: Buffer[] = []
  const datasetFragments: Buffer[] = []
  let contextId: number | undefined
  let command: CommandSet | undefined
  let complete = false

  for (const { pdv, cut, offset } of pdvsOf(bytes)) {
    contextId ??= pdv.contextId
    if (pdv.contextId !== contextId) {
      const field = 'Presentation-context-ID'
      throw new DicomError('invalid-value', `${pdv.contextId} within a message of ${contextId}`, {
        field,
        offset,
      })
    }
    if (pdv.command !== (command === undefined)) {
      const problem = pdv.command
        ? 'a command fragment within the dataset'
        : 'a dataset fragment before the command set'
      throw new DicomError('invalid-value', problem, { field: 'Message-control-header', offset })
    }
    if (command) {
      datasetFragments.push(pdv.data)
    } else {
      commandFragments.push(pdv.data)
      if (pdv.last && !cut) command = decodeCommandSet(join(commandFragments))
    }
    complete = command !== undefined && !cut && pdv.last && (!pdv.command || !command.hasDataset)
    if (complete) break
  }
  if (command === undefined || contextId === undefined) {
    const place = { field: 'command set', offset: bytes.length, have: bytes.length }
    throw new DicomError('truncated', 'the bytes end before its last fragment does', place)
  }
  return { contextId, command, dataset: join(datasetFragments), complete }
}

interface PdvFound {
  pdv: Pdv
  /** The bytes end before this PDV does. */
  cut: boolean
  offset: number
}

function* pdvsOf(bytes: Buffer): Generator<PdvFound> {
  const reader = new Reader(bytes)
  while (reader.remaining >= pduHeaderLength) {
    const offset = reader.offset
    const type = reader.uint8('PDU-type')
    if (type !== PduType.pData) {
      const place = { field: 'PDU-type', offset }
      throw new DicomError('unexpected-pdu', `${type} within a message, which is P-DATA-TF only`, place)
    }
    reader.skip(1, 'Reserved')
    let left = reader.uint32('PDU-length')
    while (left > 0) {
      const start = reader.offset
      if (reader.remaining < 4 + pdvOverhead) return
      const length = reader.uint32('PDV item-length')
      checkPdvLength(length, left - 4, start)
      left -= 4 + length
      const cut = length > reader.remaining
      const pdv = decodePdv(reader.view(Math.min(length, reader.remaining), 'PDV'))
      yield { pdv, cut, offset: start }
    }
  }
}

function join(fragments: readonly Buffer[]): Buffer {
  const [first] = fragments
  return fragments.length === 1 && first ? first : Buffer.concat(fragments)
}
