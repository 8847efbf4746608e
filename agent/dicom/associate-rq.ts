import { DicomError } from './errors.ts'
import {
  checkAeTitle,
  checkContextId,
  encodeAeTitle,
  encodeItem,
  encodeTextItem,
  encodeUint8,
  encodeUint16,
  ItemType,
  once,
  readAeTitle,
  readItems,
  readUid,
  required,
} from './items.ts'
import { checkAssociateLength, encodePdu, PduType, pduHeaderLength } from './pdu.ts'
import { Reader } from './reader.ts'
import {
  decodeUserInformationRq,
  encodeUserInformationRq,
  type UserInformationRq,
} from './user-information.ts'

export interface PresentationContextRq {
  id: number
  abstractSyntax: string
  transferSyntaxes: string[]
}

export interface AssociateRq extends UserInformationRq {
  protocolVersion: number
  /** Without padding on either side; '' if only padding was sent. */
  calledAE: string
  callingAE: string
  applicationContext: string
  presentationContexts: PresentationContextRq[]
}

/**
 * PS3.8 §9.3.2, body of an A-ASSOCIATE-RQ (without the six bytes of PDU header):
 *
 *   A-ASSOCIATE-RQ => protocol-version u16, reserved 2, called AE 16, calling AE 16, reserved 32, items
 *   items          => 10H application context, 20H presentation context +, 50H user information
 *   20H            => id u8, reserved 3, 30H abstract syntax, 40H transfer syntax +
 *
 * The user information item may be missing: old clients leave it out, and its absence says "no limit".
 */
export function decodeAssociateRq(body: Buffer): AssociateRq {
  checkAssociateLength(body, 'A-ASSOCIATE-RQ')
  const reader = new Reader(body)
  const protocolVersion = reader.uint16('Protocol-version')
  reader.skip(2, 'Reserved')
  const calledAE = readAeTitle(reader, 'Called-AE-title')
  const callingAE = readAeTitle(reader, 'Calling-AE-title')
  reader.skip(32, 'Reserved')

  let applicationContext: string | undefined
  let userInformation: UserInformationRq | undefined
  const presentationContexts: PresentationContextRq[] = []
  const seen = new Set<number>()
  readItems(reader, (type, item, offset) => {
    switch (type) {
      case ItemType.applicationContext: {
        const field = 'Application-context-name'
        applicationContext = once(applicationContext, readUid(item, field), field, offset)
        break
      }
      case ItemType.presentationContextRq: {
        const context = decodePresentationContext(item)
        checkContextId(context.id, seen, offset)
        presentationContexts.push(context)
        break
      }
      case ItemType.userInformation:
        userInformation = once(userInformation, decodeUserInformationRq(item), 'User-information', offset)
        break
    }
  })
  if (presentationContexts.length === 0) required(undefined, 'Presentation-context', body.length)
  return {
    protocolVersion,
    calledAE,
    callingAE,
    applicationContext: required(applicationContext, 'Application-context', body.length),
    presentationContexts,
    ...(userInformation ?? decodeUserInformationRq(new Reader(Buffer.alloc(0)))),
  }
}

function decodePresentationContext(item: Reader): PresentationContextRq {
  const start = item.offset
  const id = item.uint8('Presentation-context-ID')
  item.skip(3, 'Reserved')
  let abstractSyntax: string | undefined
  const transferSyntaxes: string[] = []
  readItems(item, (type, subItem, offset) => {
    if (type === ItemType.abstractSyntax) {
      const field = 'Abstract-syntax-name'
      abstractSyntax = once(abstractSyntax, readUid(subItem, field), field, offset)
    } else if (type === ItemType.transferSyntax) {
      transferSyntaxes.push(readUid(subItem, 'Transfer-syntax-name'))
    }
  })
  if (transferSyntaxes.length === 0) required(undefined, 'Transfer-syntax', start)
  return { id, abstractSyntax: required(abstractSyntax, 'Abstract-syntax', start), transferSyntaxes }
}

/** The whole PDU, header included. */
export function encodeAssociateRq(rq: AssociateRq): Buffer {
  return encodePdu(
    PduType.associateRq,
    encodeUint16(rq.protocolVersion, 'Protocol-version'),
    Buffer.alloc(2),
    encodeAeTitle(rq.calledAE, 'Called-AE-title'),
    encodeAeTitle(rq.callingAE, 'Calling-AE-title'),
    Buffer.alloc(32),
    encodeTextItem(ItemType.applicationContext, 'Application-context-name', rq.applicationContext),
    ...rq.presentationContexts.map(encodePresentationContext),
    encodeUserInformationRq(rq),
  )
}

function encodePresentationContext({ id, abstractSyntax, transferSyntaxes }: PresentationContextRq): Buffer {
  return encodeItem(
    ItemType.presentationContextRq,
    'Presentation-context',
    encodeUint8(id, 'Presentation-context-ID'),
    Buffer.alloc(3),
    encodeTextItem(ItemType.abstractSyntax, 'Abstract-syntax-name', abstractSyntax),
    ...transferSyntaxes.map(uid => encodeTextItem(ItemType.transferSyntax, 'Transfer-syntax-name', uid)),
  )
}

/** Where the AE titles stand in the whole PDU. */
const titleFields = [
  { key: 'calledAE', field: 'Called-AE-title', offset: pduHeaderLength + 4 },
  { key: 'callingAE', field: 'Calling-AE-title', offset: pduHeaderLength + 20 },
] as const

/** A copy of a whole A-ASSOCIATE-RQ PDU, of the same length, with those of the AE titles that are given. */
export function withAETitles(
  rqPdu: Buffer,
  titles: { calledAE?: string | undefined; callingAE?: string | undefined },
): Buffer {
  if (rqPdu[0] !== PduType.associateRq) {
    throw new DicomError('unexpected-pdu', 'these bytes are not an A-ASSOCIATE-RQ', { field: 'PDU-type' })
  }
  const copy = Buffer.from(rqPdu)
  for (const { key, field, offset } of titleFields) {
    const title = titles[key]
    if (title === undefined) continue
    checkAeTitle(title, field)
    const bytes = encodeAeTitle(title, field)
    const need = offset + bytes.length
    if (copy.length < need) {
      const place = { field, offset, need, have: copy.length }
      throw new DicomError('truncated', `the PDU ends after ${copy.length} bytes`, place)
    }
    bytes.copy(copy, offset)
  }
  return copy
}
