import { RE2JS, RE2JSException } from 're2js'
import type { Matcher } from '../pattern.ts'

/** Steps for each character of a value, at most; and of how many characters: together about 50 ms at worst. */
const maxProgramSize = 500
const maxLength = 4096

/** The matcher of a regular expression (RE2's syntax), or what is wrong with it. */
export function regularExpression(source: string, ignoreCase: boolean): Matcher | string {
  try {
    const expression = RE2JS.compile(source.normalize(), ignoreCase ? RE2JS.CASE_INSENSITIVE : 0)
    if (expression.programSize() > maxProgramSize) {
      return 'is too large: use fewer or smaller repetitions, or several rules'
    }
    return value => expression.test(value.normalize().slice(0, maxLength))
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error
    return `is no regular expression: ${error.message.replace('error parsing regexp: ', '')}`
  }
}
