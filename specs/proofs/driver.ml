(* Answers requests, one a line, with what the extracted definitions compute.

   A request is a word and integers; "-" stands for none, and a list begins with its length.
   The answer is the same, or "none" where the definition gives no result. Nothing is computed
   here. *)

type tokens = { mutable rest : string list }

let word t =
  match t.rest with
  | [] -> failwith "the request is too short"
  | first :: others -> t.rest <- others; first

let integer t = Z.of_string (word t)
let optional t = match word t with "-" -> None | text -> Some (Z.of_string text)

(* In order, whatever order OCaml evaluates arguments in. *)
let list t element =
  let rec take n = if n = 0 then [] else let first = element t in first :: take (n - 1) in
  take (int_of_string (word t))

let row t =
  let key = integer t in
  let weight = integer t in
  { WaterFilling.key; weight; cap = optional t }

let ballot t =
  let seq = integer t in
  let voter = integer t in
  { Tally.seq; voter; choice = integer t }

let batch t =
  let rate = integer t in
  (rate, list t integer)

let partial t =
  let ballots = integer t in
  let unknown = integer t in
  { Tally.firsts = list t integer; ballots; unknown }

let text = Z.to_string
let text_of_option = function None -> "-" | Some n -> text n
let text_of_bool b = if b then "1" else "0"
let texts l = string_of_int (List.length l) :: List.map text l

let answer show = function None -> [ "none" ] | Some result -> show result

let allocated (a : Allocation.allocated) =
  let level = a.filling in
  [ text a.undistributed; text a.capped_rows; text_of_bool a.fell_back; text a.total_weight;
    text level.shared_pool; text level.shared_weight; text a.leftover; text_of_option a.cut ]
  @ texts a.amounts

let issuance (i : Issuance.issuance) = [ text i.withheld; text i.carried ] @ texts i.issued

let batches ((issued, withheld), residue) = [ text issued; text withheld; text residue ]

let tallied (t : Tally.tallied) =
  List.map text
    [ t.yes; t.no; t.abstain; t.counted; t.unknown_voter; t.duplicate; t.zero_power; t.attainable ]

let partials (p : Tally.partial) = [ text p.ballots; text p.unknown ] @ texts p.firsts

let respond t =
  match word t with
  | "allocate" ->
      let pool = integer t in
      let common_cap = optional t in
      answer allocated (Allocation.allocate pool common_cap (list t row))
  | "issue" ->
      let rate = integer t in
      let residue = integer t in
      let room = optional t in
      answer issuance (Issuance.issue (list t integer) rate residue room)
  | "batches" ->
      let residue = integer t in
      let room = optional t in
      answer batches (Issuance.issue_batches (list t batch) residue room)
  | "tally" ->
      let cap = optional t in
      let powers = list t integer in
      answer tallied (Tally.tally (list t ballot) powers cap)
  | "collect" ->
      let voters = BinInt.Z.to_nat (integer t) in
      answer partials (Tally.collect_ballots voters (list t ballot))
  | "merge" ->
      let first = partial t in
      partials (Tally.merge_ballots first (partial t))
  | "finish" ->
      let cap = optional t in
      let powers = list t integer in
      answer tallied (Tally.finish_tally (partial t) powers cap)
  | "share" ->
      let pool = integer t in
      let weight = integer t in
      let bits = integer t in
      let quotient, remainder = Reciprocal.share pool weight bits (integer t) in
      [ text quotient; text remainder ]
  | other -> failwith ("no request " ^ other)

let () =
  try
    while true do
      let t = { rest = String.split_on_char ' ' (input_line stdin) } in
      let answered = respond t in
      if t.rest <> [] then failwith "the request is too long";
      print_endline (String.concat " " answered)
    done
  with End_of_file -> ()
