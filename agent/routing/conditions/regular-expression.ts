import { RE2JS, RE2JSException } from 're2js'
import { exactly, type Matcher } from '../pattern.ts'

/** Steps for each character of a value, and characters (the longest LT has as many): together 0.1 s at worst. */
const maxProgramSize = 500
const maxLength = 10_240

/** The matcher of a regular expression (RE2's syntax), or what is wrong with it. Longer values never match. */
export function regularExpression(source: string, ignoreCase: boolean): Matcher | string {
  try {
    const expression = RE2JS.compile(source.normalize(), ignoreCase ? RE2JS.CASE_INSENSITIVE : 0)
    if (expression.programSize() > maxProgramSize) {
      return 'is too large: use fewer or smaller repetitions, or several rules'
    }
    return value => value.length <= maxLength && expression.test(exactly(value))
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error
    return `is no regular expression: ${error.message.replace('error parsing regexp: ', '')}`
  }
}
