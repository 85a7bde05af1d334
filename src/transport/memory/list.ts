/** What can stand in a `List`: the links are in the item itself, so that no list allocates per message. */
export interface Linked<T> {
  prev: T | undefined
  next: T | undefined
}

/** A doubly linked list. An item stands in one list at a time. */
export class List<T extends Linked<T>> {
  head: T | undefined
  tail: T | undefined
  size = 0

  push(item: T): void {
    item.prev = this.tail
    item.next = undefined
    if (this.tail === undefined) this.head = item
    else this.tail.next = item
    this.tail = item
    this.size++
  }

  remove(item: T): void {
    if (item.prev === undefined) this.head = item.next
    else item.prev.next = item.next
    if (item.next === undefined) this.tail = item.prev
    else item.next.prev = item.prev
    item.prev = undefined
    item.next = undefined
    this.size--
  }

  /** Puts `item` before `place`. */
  insertBefore(place: T, item: T): void {
    item.next = place
    item.prev = place.prev
    if (place.prev === undefined) this.head = item
    else place.prev.next = item
    place.prev = item
    this.size++
  }
}
