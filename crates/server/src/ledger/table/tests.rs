use super::*;

fn rules(kind: LedgerKind, text: &str) -> Vec<String> {
    let table = read(kind, text.as_bytes()).unwrap();
    table.broken.iter().map(|row| format!("{} {}", row.line, row.rule)).collect()
}

#[test]
fn spend_is_read_exactly_whatever_the_separator() {
    for separator in [',', ';', '\t'] {
        let text = "day,utm_campaign,spend,currency\n2026-11-01,spring sale,12.345,EUR\n"
            .replace(',', &separator.to_string());
        let table = read(LedgerKind::Spend, text.as_bytes()).unwrap();
        let [row] = table.ledger.spend.as_slice() else { panic!("{table:?}") };
        assert_eq!((&*row.on.campaign, row.cost.minor), ("spring sale", 1_235));
        assert_eq!(table.broken, []);
    }
    let minor = "date,campaign,cost_minor,currency\n2026-11-01,a,-7,jpy\n";
    let table = read(LedgerKind::Spend, minor.as_bytes()).unwrap();
    assert_eq!(table.ledger.spend[0].cost.minor, -7);
}

#[test]
fn every_broken_rule_of_every_row_is_told() {
    let text =
        "date,campaign,cost,currency\n2026-13-01,,1x,EU\n2026-11-01,a,1,EUR\n2026-11-01,a,2,EUR\n";
    let found = rules(LedgerKind::Spend, text);
    assert_eq!(found.len(), 5, "{found:#?}");
    assert!(found[4].starts_with("4 row: line 3 is about the same"), "{found:#?}");
    let budgets =
        "campaign,from,to,amount,currency,target_roas\na,2026-11-30,2026-11-01,-1,EUR,0\n";
    assert_eq!(rules(LedgerKind::Budgets, budgets).len(), 3);
    let rates = "date,base,currency,rate\n2026-11-01,EUR,EUR,0\n";
    assert_eq!(rules(LedgerKind::Rates, rates).len(), 2);
}

#[test]
fn bounds_hold_at_the_limit_and_break_over_it() {
    let with =
        |minor: u64| format!("date,campaign,cost_minor,currency\n2026-11-01,a,{minor},EUR\n");
    assert!(rules(LedgerKind::Spend, &with(AMOUNT_MINOR_MAX)).is_empty());
    assert_eq!(rules(LedgerKind::Spend, &with(AMOUNT_MINOR_MAX + 1)).len(), 1);
    let named = |bytes: usize| {
        format!("date,campaign,cost,currency\n2026-11-01,{},1,EUR\n", "c".repeat(bytes))
    };
    assert!(rules(LedgerKind::Spend, &named(Campaign::VALUE_BYTES_MAX)).is_empty());
    assert_eq!(rules(LedgerKind::Spend, &named(Campaign::VALUE_BYTES_MAX + 1)).len(), 1);
    let many = |rows: u64| {
        let lines: String = (0..rows).map(|row| format!("2026-11-01,{row},1,EUR\n")).collect();
        read(LedgerKind::Spend, format!("date,campaign,cost,currency\n{lines}").as_bytes())
    };
    assert_eq!(many(ROWS_MAX).unwrap().rows, ROWS_MAX);
    assert!(matches!(many(ROWS_MAX + 1), Err(TableFault::Large { unit: "rows", .. })));
    let long = vec![b'a'; FILE_BYTES_MAX + 1];
    assert!(matches!(read(LedgerKind::Spend, &long), Err(TableFault::Large { unit: "bytes", .. })));
}

#[test]
fn columns_are_known_or_refused() {
    for text in ["date,campaign,cost\n", "date,campaign,cost,currency,date\n", "date,x,currency\n"]
    {
        let refused = read(LedgerKind::Spend, text.as_bytes());
        assert!(matches!(refused, Err(TableFault::Column { .. })), "{text}");
    }
}

#[test]
fn costs_of_goods_are_known_from_a_day_on_or_not_any_more() {
    let text = "sku,valid_from,unit_cost,currency\nshoe,2026-11-01,12.50,EUR\nshoe,2026-12-01,,EUR\nfree,2026-11-01,0,EUR\n";
    let table = read(LedgerKind::Goods, text.as_bytes()).unwrap();
    assert_eq!(table.broken, []);
    let costs: Vec<_> =
        table.ledger.goods.iter().map(|row| row.cost.map(|cost| cost.minor)).collect();
    assert_eq!(costs, [Some(1_250), None, Some(0)]);
    let broken =
        "product,from,cost,currency\n,2026-11-01,-1,EUR\na,2026-11-01,1,EUR\na,2026-11-01,2,USD\n";
    let found = rules(LedgerKind::Goods, broken);
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found[2].starts_with("4 row: line 3 is about the same"), "{found:#?}");
}
