/** What JSON can carry. State, messages and rows are made of nothing else. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
