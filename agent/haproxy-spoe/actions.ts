// Actions of an ACK, SPOE §3.4.
//
//   ACTION-SET-VAR   : <1> <NB-ARGS:3> <VAR-SCOPE:1 byte> <VAR-NAME:STRING> <VAR-VALUE:TYPED-DATA>
//   ACTION-UNSET-VAR : <2> <NB-ARGS:2> <VAR-SCOPE:1 byte> <VAR-NAME:STRING>

import { writeTypedData } from './typed-data.ts'
import { checkValue, type Value } from './values.ts'
import type { Writer } from './writer.ts'

const SET_VAR = 1
const UNSET_VAR = 2

/** VAR-SCOPE, SPOE §3.4. */
const SCOPES = { proc: 0, sess: 1, txn: 2, req: 3, res: 4 } as const

export type Scope = keyof typeof SCOPES

export type Action = SetVar | UnsetVar

export interface SetVar {
  readonly type: 'set-var'
  readonly scope: Scope
  readonly name: string
  readonly value: Value
}

export interface UnsetVar {
  readonly type: 'unset-var'
  readonly scope: Scope
  readonly name: string
}

/** HAProxy's variable names; scope, engine prefix and name together must stay under 64 bytes. */
const VARIABLE_NAME = /^[\w.]{1,58}$/

/**
 * Sets `<scope>.<engine's var-prefix>.<name>`. Throws TypeError or RangeError for a scope, name or value that
 * HAProxy would not take.
 */
export function setVar(scope: Scope, name: string, value: Value): SetVar {
  const action = { type: 'set-var', scope, name, value } as const
  checkAction(action)
  return action
}

/** Unsets `<scope>.<engine's var-prefix>.<name>`. Throws TypeError like `setVar`. */
export function unsetVar(scope: Scope, name: string): UnsetVar {
  const action = { type: 'unset-var', scope, name } as const
  checkAction(action)
  return action
}

/** Throws like `setVar` for an action that was not made by it: HAProxy resets a connection for a malformed ACK. */
export function writeAction(writer: Writer, action: Action): void {
  checkAction(action)
  if (action.type === 'set-var') {
    writeHead(writer, SET_VAR, 3, action)
    writeTypedData(writer, action.value)
  } else {
    writeHead(writer, UNSET_VAR, 2, action)
  }
}

function writeHead(writer: Writer, type: number, argCount: number, { scope, name }: Action): void {
  writer.uint8(type)
  writer.uint8(argCount)
  writer.uint8(SCOPES[scope])
  writer.string(name)
}

function checkAction(action: Action): void {
  const { type, scope, name } = action
  if (type !== 'set-var' && type !== 'unset-var') {
    throw new TypeError(`unknown action "${type}": use setVar() and unsetVar()`)
  }
  if (!Object.hasOwn(SCOPES, scope)) {
    throw new TypeError(`unknown scope "${scope}": use ${Object.keys(SCOPES).join(', ')}`)
  }
  if (!VARIABLE_NAME.test(name)) {
    throw new TypeError(`not a variable name: "${name}" (1 to 58 of A-Z a-z 0-9 _ .)`)
  }
  if (type === 'set-var') checkValue(action.value)
}
