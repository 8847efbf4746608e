import { DicomError } from './errors.ts'
import {
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
import { checkAssociateLength, encodePdu, PduType } from './pdu.ts'
import { Reader } from './reader.ts'
import {
  decodeUserInformationAc,
  encodeUserInformationAc,
  type UserInformationAc,
} from './user-information.ts'

/** PS3.8 §9.3.3.2, table 9-18. */
export const ContextResult = {
  acceptance: 0,
  userRejection: 1,
  noReason: 2,
  abstractSyntaxNotSupported: 3,
  transferSyntaxesNotSupported: 4,
} as const

export interface PresentationContextAc {
  id: number
  /** One of `ContextResult`. */
  result: number
  /** Means nothing, and may be '', unless the context is accepted. */
  transferSyntax: string
}

export interface AssociateAc extends UserInformationAc {
  protocolVersion: number
  /** Copied from the A-ASSOCIATE-RQ; not to be tested by the client (PS3.8 §9.3.3). */
  calledAE: string
  callingAE: string
  applicationContext: string
  presentationContexts: PresentationContextAc[]
}

/**
 * PS3.8 §9.3.3, body of an A-ASSOCIATE-AC:
 *
 *   A-ASSOCIATE-AC => protocol-version u16, reserved 2, called AE 16, calling AE 16, reserved 32, items
 *   items          => 10H application context, 21H presentation context *, 50H user information
 *   21H            => id u8, reserved, result u8, reserved, 40H transfer syntax
 *
 * Where the context is refused the transfer syntax item is not significant, and servers do leave it out.
 */
export function decodeAssociateAc(body: Buffer): AssociateAc {
  checkAssociateLength(body, 'A-ASSOCIATE-AC')
  const reader = new Reader(body)
  const protocolVersion = reader.uint16('Protocol-version')
  reader.skip(2, 'Reserved')
  const calledAE = readAeTitle(reader, 'Called-AE-title')
  const callingAE = readAeTitle(reader, 'Calling-AE-title')
  reader.skip(32, 'Reserved')

  let applicationContext: string | undefined
  let userInformation: UserInformationAc | undefined
  const presentationContexts: PresentationContextAc[] = []
  const seen = new Set<number>()
  readItems(reader, (type, item, offset) => {
    switch (type) {
      case ItemType.applicationContext: {
        const field = 'Application-context-name'
        applicationContext = once(applicationContext, readUid(item, field), field, offset)
        break
      }
      case ItemType.presentationContextAc: {
        const context = decodePresentationContext(item)
        checkContextId(context.id, seen, offset)
        presentationContexts.push(context)
        break
      }
      case ItemType.userInformation:
        userInformation = once(userInformation, decodeUserInformationAc(item), 'User-information', offset)
        break
    }
  })
  return {
    protocolVersion,
    calledAE,
    callingAE,
    applicationContext: required(applicationContext, 'Application-context', body.length),
    presentationContexts,
    ...(userInformation ?? decodeUserInformationAc(new Reader(Buffer.alloc(0)))),
  }
}

function decodePresentationContext(item: Reader): PresentationContextAc {
  const start = item.offset
  const id = item.uint8('Presentation-context-ID')
  item.skip(1, 'Reserved')
  const result = item.uint8('Result')
  item.skip(1, 'Reserved')
  if (result > ContextResult.transferSyntaxesNotSupported) {
    throw new DicomError('invalid-value', `${result} is not a result from 0 to 4`, {
      field: 'Result',
      offset: start + 2,
    })
  }
  let transferSyntax: string | undefined
  readItems(item, (type, subItem, offset) => {
    if (type !== ItemType.transferSyntax) return
    const field = 'Transfer-syntax-name'
    transferSyntax = once(transferSyntax, readUid(subItem, field), field, offset)
  })
  if (result === ContextResult.acceptance) required(transferSyntax, 'Transfer-syntax', start)
  return { id, result, transferSyntax: transferSyntax ?? '' }
}

/** The whole PDU, header included. */
export function encodeAssociateAc(ac: AssociateAc): Buffer {
  return encodePdu(
    PduType.associateAc,
    encodeUint16(ac.protocolVersion, 'Protocol-version'),
    Buffer.alloc(2),
    encodeAeTitle(ac.calledAE, 'Called-AE-title'),
    encodeAeTitle(ac.callingAE, 'Calling-AE-title'),
    Buffer.alloc(32),
    encodeTextItem(ItemType.applicationContext, 'Application-context-name', ac.applicationContext),
    ...ac.presentationContexts.map(encodePresentationContext),
    encodeUserInformationAc(ac),
  )
}

function encodePresentationContext({ id, result, transferSyntax }: PresentationContextAc): Buffer {
  return encodeItem(
    ItemType.presentationContextAc,
    'Presentation-context',
    encodeUint8(id, 'Presentation-context-ID'),
    Buffer.alloc(1),
    encodeUint8(result, 'Result'),
    Buffer.alloc(1),
    encodeTextItem(ItemType.transferSyntax, 'Transfer-syntax-name', transferSyntax),
  )
}
