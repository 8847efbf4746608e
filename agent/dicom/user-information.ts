import { DicomError } from './errors.ts'
import {
  encodeItem,
  encodeTextItem,
  encodeUint8,
  encodeUint16,
  encodeUint32,
  ItemType,
  once,
  readItems,
  readUid,
} from './items.ts'
import type { Reader } from './reader.ts'

/** PS3.7 §D.3.3.4, item 54H. */
export interface RoleSelection {
  sopClass: string
  scu: boolean
  scp: boolean
}

/** PS3.7 §D.3.3.5, item 56H: what `info` holds is up to the service class. */
export interface SopClassExtended {
  sopClass: string
  info: Buffer
}

/** PS3.7 §D.3.3.7, item 58H. `secondary` is the passcode of type 2, empty otherwise. */
export interface UserIdentity {
  type: number
  positiveResponseRequested: boolean
  primary: Buffer
  secondary: Buffer
}

/** What the user information items of A-ASSOCIATE-RQ and -AC have in common. */
export interface UserInformation {
  /** Bytes of the largest P-DATA-TF body that the sender takes (PS3.8 §D.1). 0, and its absence, is no limit. */
  maxPduLength?: number
  /** '' if absent. */
  implementationClassUid: string
  /** '' if absent. */
  implementationVersionName: string
  asyncOperations?: { invoked: number; performed: number }
  roles: RoleSelection[]
  sopClassExtended: SopClassExtended[]
}

export interface UserInformationRq extends UserInformation {
  /** Item 57H (PS3.7 §D.3.3.6), content as it came. */
  sopClassCommonExtended: Buffer[]
  userIdentity?: UserIdentity
}

export interface UserInformationAc extends UserInformation {
  /** Item 59H: the server response of PS3.7 §D.3.3.7.2. */
  userIdentityResponse?: Buffer
}

/**
 * PS3.8 §9.3.2.3 and Annex D, PS3.7 Annex D.3.3: item 50H, sub-items in any order.
 *
 *   user information => 50H 51H? 52H? 53H? 54H* 55H? 56H* ( 57H* 58H? | 59H? )
 */
export function decodeUserInformationRq(item: Reader): UserInformationRq {
  const sopClassCommonExtended: Buffer[] = []
  let userIdentity: UserIdentity | undefined
  const common = decodeCommon(item, (type, subItem, offset) => {
    if (type === ItemType.sopClassCommonExtended) sopClassCommonExtended.push(subItem.rest())
    else if (type === ItemType.userIdentityRq) {
      userIdentity = once(userIdentity, decodeUserIdentity(subItem), 'User-identity', offset)
    }
  })
  return { ...common, sopClassCommonExtended, ...(userIdentity && { userIdentity }) }
}

export function decodeUserInformationAc(item: Reader): UserInformationAc {
  let userIdentityResponse: Buffer | undefined
  const common = decodeCommon(item, (type, subItem, offset) => {
    if (type !== ItemType.userIdentityAc) return
    const response = subItem.bytes(subItem.uint16('Server-response-length'), 'Server-response')
    userIdentityResponse = once(userIdentityResponse, response, 'User-identity', offset)
  })
  return { ...common, ...(userIdentityResponse && { userIdentityResponse }) }
}

function decodeCommon(
  item: Reader,
  readOther: (type: number, subItem: Reader, offset: number) => void,
): UserInformation {
  let maxPduLength: number | undefined
  let implementationClassUid: string | undefined
  let implementationVersionName: string | undefined
  let asyncOperations: UserInformation['asyncOperations']
  const roles: RoleSelection[] = []
  const sopClassExtended: SopClassExtended[] = []

  readItems(item, (type, subItem, offset) => {
    switch (type) {
      case ItemType.maxLength: {
        const field = 'Maximum-length-received'
        maxPduLength = once(maxPduLength, subItem.uint32(field), field, offset)
        break
      }
      case ItemType.implementationClassUid: {
        const field = 'Implementation-class-uid'
        implementationClassUid = once(implementationClassUid, readUid(subItem, field), field, offset)
        break
      }
      case ItemType.asyncOperations: {
        const invoked = subItem.uint16('Maximum-number-operations-invoked')
        const performed = subItem.uint16('Maximum-number-operations-performed')
        asyncOperations = once(
          asyncOperations,
          { invoked, performed },
          'Asynchronous-operations-window',
          offset,
        )
        break
      }
      case ItemType.roleSelection:
        roles.push(decodeRoleSelection(subItem))
        break
      case ItemType.implementationVersionName: {
        const field = 'Implementation-version-name'
        const name = readUid(subItem, field)
        implementationVersionName = once(implementationVersionName, name, field, offset)
        break
      }
      case ItemType.sopClassExtended:
        sopClassExtended.push({ sopClass: readSizedUid(subItem, 'SOP-class-uid'), info: subItem.rest() })
        break
      default:
        readOther(type, subItem, offset)
    }
  })
  return {
    ...(maxPduLength !== undefined && { maxPduLength }),
    implementationClassUid: implementationClassUid ?? '',
    implementationVersionName: implementationVersionName ?? '',
    ...(asyncOperations && { asyncOperations }),
    roles,
    sopClassExtended,
  }
}

/** UID-length u16, SOP-class-uid, SCU-role u8, SCP-role u8. */
function decodeRoleSelection(item: Reader): RoleSelection {
  const sopClass = readSizedUid(item, 'Role-selection SOP-class-uid')
  const scu = item.uint8('SCU-role') === 1
  const scp = item.uint8('SCP-role') === 1
  return { sopClass, scu, scp }
}

/** Type u8, positive-response-requested u8, primary length u16 and field, secondary length u16 and field. */
function decodeUserIdentity(item: Reader): UserIdentity {
  const type = item.uint8('User-identity-type')
  const positiveResponseRequested = item.uint8('Positive-response-requested') === 1
  const primary = item.bytes(item.uint16('Primary-field-length'), 'Primary-field')
  const secondary = item.bytes(item.uint16('Secondary-field-length'), 'Secondary-field')
  return { type, positiveResponseRequested, primary, secondary }
}

function readSizedUid(item: Reader, field: string): string {
  return readUid(item.view(item.uint16(`${field} length`), field), field)
}

/** Nothing for a client that sent nothing: what takes the place of its A-ASSOCIATE-RQ must not be longer. */
export function encodeUserInformationRq(info: UserInformationRq): Buffer {
  const items = [
    ...encodeCommon(info),
    ...info.sopClassCommonExtended.map(content =>
      encodeItem(ItemType.sopClassCommonExtended, 'SOP-class-common-extended-negotiation', content),
    ),
    ...(info.userIdentity ? [encodeUserIdentity(info.userIdentity)] : []),
  ]
  if (items.length === 0) return Buffer.alloc(0)
  return encodeItem(ItemType.userInformation, 'User-information', ...items)
}

export function encodeUserInformationAc(info: UserInformationAc): Buffer {
  const response = info.userIdentityResponse
  return encodeItem(
    ItemType.userInformation,
    'User-information',
    ...encodeCommon(info),
    ...(response
      ? [encodeItem(ItemType.userIdentityAc, 'User-identity', ...sized(response, 'Server-response'))]
      : []),
  )
}

function encodeCommon(info: UserInformation): Buffer[] {
  const items: Buffer[] = []
  if (info.maxPduLength !== undefined) {
    const length = encodeUint32(info.maxPduLength, 'Maximum-length-received')
    items.push(encodeItem(ItemType.maxLength, 'Maximum-length', length))
  }
  if (info.implementationClassUid !== '') {
    const type = ItemType.implementationClassUid
    items.push(encodeTextItem(type, 'Implementation-class-uid', info.implementationClassUid))
  }
  if (info.asyncOperations) {
    const { invoked, performed } = info.asyncOperations
    items.push(
      encodeItem(
        ItemType.asyncOperations,
        'Asynchronous-operations-window',
        encodeUint16(invoked, 'Maximum-number-operations-invoked'),
        encodeUint16(performed, 'Maximum-number-operations-performed'),
      ),
    )
  }
  for (const { sopClass, scu, scp } of info.roles) {
    const uid = sized(Buffer.from(sopClass, 'latin1'), 'Role-selection SOP-class-uid')
    const roles = Buffer.from([scu ? 1 : 0, scp ? 1 : 0])
    items.push(encodeItem(ItemType.roleSelection, 'Role-selection', ...uid, roles))
  }
  if (info.implementationVersionName !== '') {
    const type = ItemType.implementationVersionName
    items.push(encodeTextItem(type, 'Implementation-version-name', info.implementationVersionName))
  }
  for (const extended of info.sopClassExtended) {
    const uid = sized(Buffer.from(extended.sopClass, 'latin1'), 'SOP-class-uid')
    items.push(encodeItem(ItemType.sopClassExtended, 'SOP-class-extended-negotiation', ...uid, extended.info))
  }
  return items
}

function encodeUserIdentity(identity: UserIdentity): Buffer {
  return encodeItem(
    ItemType.userIdentityRq,
    'User-identity',
    encodeUint8(identity.type, 'User-identity-type'),
    Buffer.from([identity.positiveResponseRequested ? 1 : 0]),
    ...sized(identity.primary, 'Primary-field'),
    ...sized(identity.secondary, 'Secondary-field'),
  )
}

function sized(content: Buffer, field: string): Buffer[] {
  if (content.length > 0xffff) {
    const place = { field, need: 0xffff, have: content.length }
    throw new DicomError('too-large', `${content.length} bytes do not fit a u16 length`, place)
  }
  return [encodeUint16(content.length, field), content]
}
